"""`fsdd-speakers`: the spoken digits of `fsdd`, tested on speakers that nothing was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import SettingError
from spikeproof.data.facts import Facts
from spikeproof.data.sets.fsdd import Fsdd, SpokenDigits

__all__ = ["FsddSpeakers"]


@dataclass(frozen=True, kw_only=True)
class FsddSpeakers(Fsdd):
    """Read the spoken digits with a split by speaker: all clips of some speakers are the test.

    Args:
        published: As of :class:`Fsdd`.
        length: As of :class:`Fsdd`.
        test_speakers: Who is heard in the test alone.
    Raises:
        SettingError: no speaker, or one twice.
    Differs from the paper:
        The set publishes a split by take; this one is ours.
    References:
        jackson2018fsdd
    Example:
        >>> FsddSpeakers().test_speakers
        ('theo', 'yweweler')
    """

    facts: ClassVar[Facts] = replace(
        Fsdd.facts,
        title="Spoken digits, new speakers",
        source=(
            "Free Spoken Digit Dataset, 3 000 English digits by six speakers, 8 kHz "
            "(jackson2018fsdd); the test is the clips of two speakers, theo and yweweler, of whom "
            "no clip is in training or validation."
        ),
        limits=(
            "Two speakers are the whole test, and validation items are by the training speakers.",
        ),
    )

    test_speakers: tuple[str, ...] = ("theo", "yweweler")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.test_speakers or len(set(self.test_speakers)) < len(self.test_speakers):
            raise SettingError(
                "FsddSpeakers.test_speakers must name speakers, each once; got "
                f"{self.test_speakers}."
            )

    def is_test(self, clips: SpokenDigits) -> np.ndarray[Any, Any]:
        """Which clips are by the test speakers."""
        return np.isin(clips.speaker, self.test_speakers)
