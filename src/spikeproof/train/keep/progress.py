"""How a training run tells that it is alive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from spikeproof.train.keep.history import Epoch

__all__ = ["Report", "TrainingProgress", "reporting"]

TrainingProgress = Callable[[int, int, Mapping[str, float]], None]
"""Called after each epoch with its number, how many there will be, and its numbers by name."""

Report = Callable[[Epoch, int], None]
"""Called after each epoch with the epoch and how many there will be."""


def _silent(epoch: Epoch, epochs: int) -> None:
    """Say nothing."""


@contextmanager
def reporting(
    progress: bool | TrainingProgress | None, begun: int, epochs: int
) -> Iterator[Report]:
    """Open the report that ``progress`` asks for.

    Args:
        progress: A hook; True for a bar on standard error, False for silence, None for a bar
            where standard error is a terminal.
        begun: Epochs already done.
        epochs: Epochs in all.
    """
    if callable(progress):
        hook = progress
        yield lambda epoch, epochs: hook(epoch.epoch, epochs, epoch.numbers())
    elif progress or (progress is None and sys.stderr.isatty()):
        with _bar(begun, epochs) as report:
            yield report
    else:
        yield _silent


@contextmanager
def _bar(begun: int, epochs: int) -> Iterator[Report]:
    """A rich progress bar on standard error, warnings above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.completed}/{task.total}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=epochs, completed=begun)

        def report(epoch: Epoch, epochs: int) -> None:
            kept = ("loss", "validation_accuracy", "union")  # a line has no room for every part
            numbers = {name: v for name, v in epoch.numbers().items() if name in kept}
            text = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
            progress.update(task, completed=epoch.epoch, total=epochs, description=text)
            for sentence in epoch.warnings.values():
                text = f"epoch {epoch.epoch}: {sentence}"
                progress.console.print(text, markup=False, highlight=False)

        yield report
