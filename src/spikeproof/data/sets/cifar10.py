"""`cifar10`: 60 000 colour photographs, 32x32, from the binary or the Python version."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Published, Source
from spikeproof.data.layouts import binary_records, python_batch

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
# The Python version as its makers publish it, by md5.
_PYTHON = Source(
    files={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    places=("cifar-10-batches-py", "cifar10", "."),
    url=_URL,
)
_SIDE = 32


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """Read CIFAR-10 from the six official binary files, or from those of the Python version.

    The Python version is made of pickles, which can run code when they are unpickled; its files
    are known by their hashes and read as plain data, nothing in them is run.

    Args:
        published: The binary files and their hashes.
        python: Those of the Python version, read where no binary file is there.
    Returns:
        From a call with a folder: levels, uint8 ``(N, 3, 32, 32)``, and class numbers; the first
        50 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed.
    Cost:
        About a second.
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
            files=_FILES,
            places=("cifar-10-batches-bin", "cifar10", "."),
            url=_URL,
            downloads={
                "cifar-10-binary.tar.gz": Download(
                    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                    digest="c32a1d4ab5d03f1284b67883e8d87530",
                    unpack=True,
                )
            },
        )
    )
    python: Source = _PYTHON

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(3, _SIDE, _SIDE))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        if self.python.present(folder) and not self.published.present(folder):
            batches = [
                python_batch(self.python.read(folder, name), name) for name in self.python.files
            ]
        else:
            batches = [
                binary_records(self.published.read(folder, name), name)
                for name in self.published.files
            ]
        x = torch.from_numpy(np.concatenate([x for x, _ in batches]))
        y = torch.from_numpy(np.concatenate([y for _, y in batches]).astype(np.int64))
        return Published(x, y, official=len(y) - len(batches[-1][1]))

    def values(self, stored: Tensor) -> Tensor:
        """Levels 0..255 as values in [0, 1]."""
        return stored.to(torch.float32).div_(255)
