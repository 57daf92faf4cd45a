"""`n-mnist-binary`: the recordings of `n-mnist` as binary frames, an event or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from spikeproof.data.facts import Facts
from spikeproof.data.sets.n_mnist import NMnist

__all__ = ["NMnistBinary"]


@dataclass(frozen=True, kw_only=True)
class NMnistBinary(NMnist):
    """Read the recordings as :class:`NMnist` does, each count above 1 as 1.

    These are the frames for threats on grids of bits: flips and retiming.

    Args:
        published: The packed subset; folders of ``.bin`` files are taken as they are.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        most: The largest legal count.
        outside: What is done with events after the window.
        pool: Pixels to a side that become one.
    References:
        orchard2015
    Example:
        >>> NMnistBinary().domain.high
        1.0
    """

    facts: ClassVar[Facts] = replace(
        NMnist.facts,
        title="N-MNIST recordings, binary",
        unit="event or none, per pixel and frame",
        source=(
            "N-MNIST with an event or none per pixel and frame, MNIST digits on a screen before a "
            "moving ATIS event camera, 34x34 pixels (orchard2015)."
        ),
    )

    most: int = 1
