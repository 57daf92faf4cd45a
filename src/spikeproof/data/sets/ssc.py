"""`ssc`: the Spiking Speech Commands, 35 words as spikes of 700 cochlear channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spikeproof.data.facts import Facts
from spikeproof.data.files import Source
from spikeproof.data.sets.shd import Shd, hdf5_source

__all__ = ["Ssc"]


@dataclass(frozen=True, kw_only=True)
class Ssc(Shd):
    """Read the spikes of ``ssc_train.h5``, ``ssc_valid.h5`` and ``ssc_test.h5``, as :class:`Shd`.

    The published validation part is the validation split.

    Args:
        published: Where the files may lie.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        pool: Channels that become one line.
        most: The largest legal count.
    References:
        cramer2022, warden2018
    Example:
        >>> Ssc().facts.classes
        35
    """

    parts: ClassVar[tuple[str, ...]] = ("ssc_train.h5", "ssc_valid.h5", "ssc_test.h5")
    whole: ClassVar[int] = 105_829
    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=35,
        title="Spiking speech commands",
        unit="spikes per line and step",
        licence="CC BY 4.0",
        source=(
            "Spiking Speech Commands (cramer2022), the commands of warden2018 through a model of "
            "the cochlea."
        ),
        radii=Shd.facts.radii,
        training=Shd.facts.training,
    )

    published: Source = field(default_factory=lambda: hdf5_source("ssc", Ssc.parts))
    timesteps: int = 100
    duration: int = 1_400_000
