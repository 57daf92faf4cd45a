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
        pinned_parts={
            "recordings of the first 1,000 training and 100 test digits": {
                "all": "484eaaebe26997b09c367eda90933821a4ce80da5c3b8757dcda68c04f2f64b3",
                "x": "caa3bb7251a1069b441a430a0b9c9ca35edcd8de0d9a411c72c92733ac86c90f",
                "y": "8125bb6b112b0da8ad5eef7c5b75637cebd3f16d97f309d9fbbd2a2d84d84be3",
                "train": "c2693881e9e361dda0c87c95782f0935c4acc95559e407e16ff351fbd7fb44a6",
                "validation": "05d783701b4f26da537e9c92a1949c7b6d4e479b921dbbf55c0aa28694507811",
                "test": "fe40007904810cf23bbedb777afff55d8df5860003af12884b6b5ccf74051336",
            },
        },
    )

    most: int = 1
