"""`crema-d`: spoken sentences of 91 actors, their faces and voices, in six emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from spikeproof.base import FileProblem, check_count, read_bytes
from spikeproof.data.domain import Domain
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, Stored
from spikeproof.data.layouts import (
    files_below,
    fitted,
    in_folder,
    read_wav,
    resampled,
    stamp_of_files,
)
from spikeproof.data.pairs import PackedPair
from spikeproof.data.views import Views

__all__ = ["EMOTIONS", "CremaD"]

Array = np.ndarray[Any, Any]
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
"""The emotion of each class."""
_STEM = rf"(\d{{4}})_[A-Z]{{3}}_({'|'.join(EMOTIONS)})_[A-Z]{{2}}"
_MOST = 1 << 26  # bytes of a picture


@dataclass(frozen=True, kw_only=True)
class CremaD:
    """Read a folder of CREMA-D's kind: a sound and some frames under one name.

    ``AudioWAV/1001_DFA_ANG_XX.wav`` is the sound as published, and ``VideoFrames/1001_DFA_ANG_XX``
    a folder of pictures taken from the published ``VideoFlash/1001_DFA_ANG_XX.flv``, for example by
    ``ffmpeg -i NAME.flv VideoFrames/NAME/%03d.png``: video is not decoded here. ``frames`` of the
    pictures, evenly spaced, become grey levels of ``side`` by ``side``. No actor is in two splits.

    Args:
        published: Where the folder may lie.
        frames: Pictures of an item, its channels.
        side: Height and width of a picture.
        rate_hz: Samples per second that the sound is resampled to.
        length: Samples of an item.
    Returns:
        From a call with a folder: what to decode; the bytes of both views.
    Raises:
        FileProblem: nothing is there, a sound has no frames or frames no sound, or a file is
            truncated, no picture, or of another sampling rate.
    Cost:
        About 30 ms an item the first time, 41 kB each in the cache.
    References:
        cao2014cremad
    Example:
        >>> CremaD().domain.unpack(__import__("torch").zeros(1, 24192))["image"].shape
        torch.Size([1, 8, 32, 32])
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=len(EMOTIONS),
        title="Emotions in face and voice",
        unit="pixel intensity and amplitude",
        licence="ODbL 1.0",
        source=(
            "CREMA-D, 7 442 clips of 91 actors who say twelve sentences in six emotions "
            "(cao2014cremad); actors 1073 to 1091 are the test, 1064 to 1072 validation."
        ),
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.05, 0.1, 0.2),
            "l1": (2.0, 5.0, 10.0),
            "l0": (20.0, 40.0, 80.0),
            "joint": (0.5, 1.0, 2.0),
        },
        joint={"image": 8 / 255, "audio": 0.0025},
        limits=("The split by actor is ours, since none is published.",),
        training={
            "model": "fusion-small",
            "timesteps": 4,
            "width": 16,
            "epochs": 20,
            "batch_size": 32,
            "learning_rate": 0.005,
        },
        rate_hz=8000,
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("crema-d", "CREMA-D"),
            url="https://github.com/CheyneyComputerScience/CREMA-D",
        )
    )
    frames: int = 8
    side: int = 32
    rate_hz: int = 8000
    length: int = 16000

    def __post_init__(self) -> None:
        check_count(self, "frames", "side", "rate_hz", "length")

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        return Views((("image", self._pack.sight), ("audio", self._pack.sound)))

    @property
    def _pack(self) -> PackedPair:
        """How both views lie in the bytes of an item."""
        sight = Domain(kind="image", shape=(self.frames, self.side, self.side))
        return PackedPair(sight, Domain(kind="audio", shape=(self.length,), low=-1.0), scale=255.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, "crema-d", ["AudioWAV", "VideoFrames"])
        heard = files_below(place / "AudioWAV", rf"{_STEM}\.wav", "sound 1001_DFA_ANG_XX.wav")
        seen = _pictures(place / "VideoFrames")
        _check_pairs(place, {path.stem for path, _ in heard}, set(seen))
        part = np.array([_part(int(match[1])) for _, match in heard])
        order = np.argsort(part, kind="stable")
        paths = [heard[number][0] for number in order]

        def sounds() -> Iterator[Array]:
            for path in paths:
                sound = resampled(read_wav(path, rate_hz=16000), self.rate_hz)
                yield fitted(sound.samples, self.length)

        def read() -> Stored:
            return Stored(
                y=np.array([EMOTIONS.index(heard[number][1][2]) for number in order]),
                official=int((part < 2).sum()),
                shape=(self._pack.size,),
                dtype=np.uint8,
                items=self._pack.items((self._levels(seen[one.stem]) for one in paths), sounds()),
                notes=part_of(len(heard), 7442, "clips"),
                validation=int((part == 1).sum()),
            )

        files = [*paths, *(one for name in sorted(seen) for one in seen[name])]
        return Listed(stamp=stamp_of_files(place, files), read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Levels and samples as packed inputs."""
        return self._pack.values(stored, self.domain)

    def _levels(self, paths: list[Path]) -> Array:
        """Grey levels of pictures that are evenly spaced over a clip, uint8 ``(F, S, S)``."""
        chosen = np.linspace(0, len(paths) - 1, self.frames).round().astype(int)
        return np.stack([_grey(paths[number], self.side) for number in chosen])


def _pictures(folder: Path) -> dict[str, list[Path]]:
    """Clip → its pictures in the order of their numbers."""
    found: dict[str, list[tuple[int, Path]]] = {}
    named = rf"({_STEM})/(\d+)\.png"
    for path, match in files_below(folder, named, "picture 1001_DFA_ANG_XX/001.png"):
        found.setdefault(match[1], []).append((int(match[4]), path))
    return {name: [path for _, path in sorted(one)] for name, one in found.items()}


def _check_pairs(place: Path, heard: set[str], seen: set[str]) -> None:
    """Refuse clips of which one half is there."""
    alone = sorted(heard ^ seen)
    if alone:
        lacking = "no pictures" if alone[0] in heard else "no sound"
        raise FileProblem(
            f"{place} holds pairs that do not match: {alone[0]} has {lacking}, and "
            f"{len(alone) - 1} others lack a half; add them, or take the other half away."
        )


def _part(actor: int) -> int:
    """0, 1 or 2 for an actor of training, validation or test."""
    return 2 if actor >= 1073 else 1 if actor >= 1064 else 0


def _grey(path: Path, side: int) -> Array:
    """A picture as grey levels of one size."""
    import io

    from PIL import Image, UnidentifiedImageError

    content = read_bytes(path, "picture", most=_MOST)
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            small = picture.convert("L").resize((side, side), Image.Resampling.BOX)
            return np.asarray(small, dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as problem:
        raise FileProblem(
            f"{path} is no PNG picture that can be read ({re.sub(' at 0x.*', '', str(problem))}); "
            "take it from the video again."
        ) from None
