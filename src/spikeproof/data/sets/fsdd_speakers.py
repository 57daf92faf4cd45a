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
            "Free Spoken Digit Dataset, tested on two of its six speakers, theo and yweweler, "
            "3 000 English digits, 8 kHz (jackson2018fsdd); no clip of theirs is in training or "
            "validation."
        ),
        pinned={
            "all": "58f5d63b0e112b0c355b6d3b0e85b93496d11d97e15a8b42fcd087a41ec30b28",
            "x": "06fcbf0a946e3844a0fe696b25ce0f28217b20905012420259a64bda0971406b",
            "y": "181819175854e4ea1f14616869425dbdaf20c3e4939aeafce66518404e005615",
            "train": "3dc522ab9a624de8957f0597916fd8ff5930afa311563edb2878a454d30a496e",
            "validation": "66d9ff29e75b893cf53df2a800958f7f4e3df16cb83c9af43f2c4f003f4d943b",
            "test": "defd77ce7178c0b9178c90998fe839415e556ba017f142f6ddb6ca320b49a60e",
        },
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
