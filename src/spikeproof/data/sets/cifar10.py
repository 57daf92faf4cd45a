"""`cifar10`: 60 000 colour photographs, 32x32, read from the official binary files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.files import Published, Source

__all__ = ["Cifar10"]

_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
_FILES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_PICKLED = Source(
    files={name.removesuffix(".bin"): "" for name in _FILES},
    places=("cifar-10-batches-py", "cifar10", "."),
    url=_URL,
)
_SIDE = 32
_LEVELS = 3 * _SIDE * _SIDE


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """Read CIFAR-10 from the six official binary files.

    The Python version of the same data is made of pickles, which can run code when they are read;
    it is refused.

    Args:
        published: The files and their hashes.
    Returns:
        From a call with a folder: levels, uint8 ``(N, 3, 32, 32)``, and class numbers; the first
        50 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed, or only the Python version is there.
    Cost:
        Under a second.
    References:
        krizhevsky2009
    Example:
        >>> Cifar10().domain.shape
        (3, 32, 32)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="CIFAR-10",
        unit="pixel intensity, 0–1",
        licence="none stated; published for research",
        source=(
            "CIFAR-10, 60 000 colour photographs in ten classes, 32x32 pixels (krizhevsky2009), "
            "from the published files."
        ),
        # Those of the literature: l_inf 8/255 and 2/255 (robust spiking networks), l_2 0.5,
        # l_1 12, l_0 20 pixels.
        radii={
            "linf": (2 / 255, 8 / 255, 16 / 255),
            "l2": (0.25, 0.5, 1.0),
            "l1": (6.0, 12.0, 24.0),
            "l0": (10.0, 20.0, 30.0),
        },
        training={"model": "vgg-9", "epochs": 30, "batch_size": 64, "learning_rate": 0.001},
        pinned={
            "all": "ef3581587f724b45bebb7329c8402c0d84488aefdd3538df815cde124279085f",
            "x": "89bd0f1d2b858a01b7dd4ebd9ec7df13e3cff97e309eac49d77224c33470c766",
            "y": "cd271e023e0f4c5b008f126714be47f5a16fd21717e2f94c0c6bcaf833b27c4b",
            "train": "db6fa79bea06cc01c126d235ccf014019bf4d7cc04ccd9857294dda5bce435b6",
            "validation": "93d5ca0b7ee04d0fffe4f203d3572838e6a177348e02b03ce4b8373e9698f5b8",
            "test": "7d0e628f29a914afe11506f0ceec288b115544b72f24c8fd30e8b128e7e3bb61",
        },
    )

    published: Source = field(
        default_factory=lambda: Source(
            files=_FILES, places=("cifar-10-batches-bin", "cifar10", "."), url=_URL
        )
    )

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(3, _SIDE, _SIDE))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        if _PICKLED.present(folder) and not self.published.present(folder):
            raise FileProblem(
                f"{folder} holds the Python version of CIFAR-10, which is made of pickles, and "
                "pickles can run code; nothing is unpickled here. Download the binary version, "
                f"data_batch_1.bin to test_batch.bin, from {_URL}."
            )
        batches = [self._batch(folder, name) for name in self.published.files]
        x = torch.from_numpy(np.concatenate([x for x, _ in batches]))
        y = torch.from_numpy(np.concatenate([y for _, y in batches]).astype(np.int64))
        return Published(x, y, official=len(y) - len(batches[-1][1]))

    def values(self, stored: Tensor) -> Tensor:
        """Levels 0..255 as values in [0, 1]."""
        return stored.to(torch.float32).div_(255)

    def _batch(self, folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Levels and labels of one file: records of a label and 3072 levels, channel by channel."""
        records = np.frombuffer(self.published.read(folder, name), np.uint8)
        if len(records) % (1 + _LEVELS):
            raise FileProblem(f"{name} does not hold whole records of {1 + _LEVELS} bytes.")
        table = records.reshape(-1, 1 + _LEVELS)
        return table[:, 1:].reshape(-1, 3, _SIDE, _SIDE), table[:, 0]
