"""`n-caltech101`: pictures of Caltech101 before a moving event camera, with one split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from spikeproof.base import seeds
from spikeproof.data.event_sets import EventFrames, classed, part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source
from spikeproof.data.layouts import files_below, in_folder, stamp_of_files
from spikeproof.data.streams import read_recording

__all__ = ["CLASSES", "SPLIT_SHA256", "NCaltech101", "test_numbers"]

CLASSES = (
    "BACKGROUND_Google", "Faces_easy", "Leopards", "Motorbikes", "accordion", "airplanes",
    "anchor", "ant", "barrel", "bass", "beaver", "binocular", "bonsai", "brain", "brontosaurus",
    "buddha", "butterfly", "camera", "cannon", "car_side", "ceiling_fan", "cellphone", "chair",
    "chandelier", "cougar_body", "cougar_face", "crab", "crayfish", "crocodile", "crocodile_head",
    "cup", "dalmatian", "dollar_bill", "dolphin", "dragonfly", "electric_guitar", "elephant",
    "emu", "euphonium", "ewer", "ferry", "flamingo", "flamingo_head", "garfield", "gerenuk",
    "gramophone", "grand_piano", "hawksbill", "headphone", "hedgehog", "helicopter", "ibis",
    "inline_skate", "joshua_tree", "kangaroo", "ketch", "lamp", "laptop", "llama", "lobster",
    "lotus", "mandolin", "mayfly", "menorah", "metronome", "minaret", "nautilus", "octopus",
    "okapi", "pagoda", "panda", "pigeon", "pizza", "platypus", "pyramid", "revolver", "rhino",
    "rooster", "saxophone", "schooner", "scissors", "scorpion", "sea_horse", "snoopy",
    "soccer_ball", "stapler", "starfish", "stegosaurus", "stop_sign", "strawberry", "sunflower",
    "tick", "trilobite", "umbrella", "watch", "water_lilly", "wheelchair", "wild_cat",
    "windsor_chair", "wrench", "yin_yang",
)  # fmt: skip
"""The folder of each class: a hundred kinds of things, and a background."""
SPLIT_SHA256 = "73626229225072bc79450dc6660c6d4426da58ab4d2ecc038a28423bbe5e67ed"
"""Hash of :func:`test_numbers`, as ``digest`` of the list."""
_LARGEST, _EVERY = 800, 10  # recordings of the largest class; one of so many is a test item


def test_numbers() -> tuple[int, ...]:
    """Return which recordings of every class are the test: one of every ten numbers, 1 to 800.

    The set is published without a split, and its classes have 31 to 800 recordings. This split is
    drawn once, by integer arithmetic, and is the same for every class: ``image_N.bin`` is a test
    item exactly where N is here, so that about a tenth of each class is.

    Example:
        >>> from spikeproof.base import digest
        >>> len(test_numbers()), digest(list(test_numbers())) == SPLIT_SHA256
        (80, True)
    """
    tens = _LARGEST // _EVERY
    drawn = seeds(0, n=tens).child("n-caltech101 split").bits(()).remainder(_EVERY)
    return tuple(_EVERY * ten + 1 + int(one) for ten, one in enumerate(drawn.tolist()))


test_numbers.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name


@dataclass(frozen=True, kw_only=True)
class NCaltech101(EventFrames):
    """Read the recordings with the split of :func:`test_numbers`.

    Pictures are of many sizes, up to 240 x 180 pixels, and lie in the upper left corner. Squares of
    ``pool`` pixels count together.

    Args:
        published: Where the folder may lie.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        most: The largest legal count.
        outside: What is done with events after the window.
        pool: Pixels to a side that become one.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 2, H, W)``.
    Raises:
        FileProblem: no recordings are there, or one is truncated or none.
    Cost:
        About 10 ms a recording the first time, 35 kB each in the cache.
    Differs from the paper:
        It splits by chance, 15 to 30 recordings of a class for training, many times over.
    References:
        orchard2015
    Example:
        >>> NCaltech101().domain.shape
        (10, 2, 36, 48)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=101,
        title="N-Caltech101 recordings",
        unit="events per square and frame",
        licence="CC BY 4.0",
        source=(
            "N-Caltech101, pictures of Caltech101 on a screen before a moving ATIS event camera "
            "(orchard2015); the split is ours, since none is published."
        ),
        radii={
            "linf": (0.05, 0.1, 0.2),
            "l2": (2.0, 4.0, 8.0),
            "l1": (50.0, 150.0, 500.0),
            "l0": (10.0, 30.0, 60.0),
            "counts": (50.0, 200.0, 800.0),
        },
        limits=(
            "The camera looked at pictures on a screen; nothing else moved before it.",
            "Classes have 31 to 800 recordings; accuracy is over recordings, not over classes.",
        ),
        training={
            "model": "cnn-events",
            "width": 16,
            "epochs": 20,
            "batch_size": 32,
            "learning_rate": 0.002,
        },
    )
    sensor: ClassVar[tuple[int, int, int]] = (2, 180, 240)

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("Caltech101", "n-caltech101", "N-Caltech101", "ncaltech101"),
            url="https://www.garrickorchard.com/datasets/n-caltech101",
        )
    )
    timesteps: int = 10
    duration: int = 310_000
    most: int = 255
    pool: int = 5

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, "n-caltech101")
        named = rf"({'|'.join(CLASSES)})/image_(\d{{4}})\.bin"
        found = files_below(
            place, named, "recording accordion/image_0001.bin and its like", self.published.url
        )
        paths, y, training = classed(found, CLASSES, test_numbers())
        return Listed(
            stamp=stamp_of_files(place, paths),
            read=lambda: self.stored(
                y,
                training,
                lambda number: read_recording(paths[number], "bin", sensor=self.sensor),
                part_of(len(y), 8709, "recordings"),
            ),
        )
