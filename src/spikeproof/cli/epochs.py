"""What a training says of each epoch to the person at the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from spikeproof.cli.progress import span
from spikeproof.cli.show import note

if TYPE_CHECKING:
    from spikeproof.train import Epoch

__all__ = ["EpochLines", "epoch_text"]


class EpochLines:
    """A logger of ``fit``: one line per epoch, with the time that is left, and one per warning.

    Args:
        clock: Says the time in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: tuple[int, float] | None = None

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Print what came of an epoch."""
        now = self._clock()
        if self._begun is None:  # what compiles and allocates in the first one tells nothing
            self._begun = epoch.epoch, now
        number, since = self._begun
        done = epoch.epoch - number
        seconds = (now - since) / done * (epochs - epoch.epoch) if done else 0.0
        left = f", about {span(seconds)} left" if seconds else ""
        note(f"[{epoch.epoch}/{epochs}] {epoch_text(epoch)}{left}")
        for sentence in epoch.warnings.values():
            note(f"[{epoch.epoch}/{epochs}] {sentence}")

    def close(self) -> None:
        """Nothing is held open."""


def epoch_text(epoch: Epoch) -> str:
    """Return what came of an epoch in words and percentages.

    Example:
        >>> from spikeproof.train import Epoch
        >>> epoch_text(Epoch(epoch=1, loss=2.224, parts={"error": 2.1}, learning_rate=0.01,
        ...     training_accuracy=0.4351, validation_accuracy=0.5, validation_loss=None,
        ...     clean_accuracy=0.5))
        'loss 2.22 · training accuracy 43.5 % · validation accuracy 50.0 %'
    """
    terms = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in epoch.parts.items()]
    text = f"loss {epoch.loss:.3g}" + (f" ({', '.join(terms)})" if len(terms) > 1 else "")
    shares = {
        "training accuracy": epoch.training_accuracy,
        "validation accuracy": epoch.validation_accuracy,
        **{f"under {name}": share for name, share in epoch.robust.items()},
        "under all of these": epoch.union if len(epoch.robust) > 1 else None,
    }
    told = [f"{name} {100 * share:.1f} %" for name, share in shares.items() if share is not None]
    return " · ".join([text, *told])
