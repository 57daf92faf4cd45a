"""`fashion-mnist`: 70 000 photographs of clothes, 28x28 grey levels, read from the IDX files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Published, Source
from spikeproof.data.layouts import read_idx

__all__ = ["FashionMnist"]

_SITE = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_FILES = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


@dataclass(frozen=True, kw_only=True)
class FashionMnist:
    """Read Fashion-MNIST from the four published files.

    Args:
        published: The files and their hashes.
    Returns:
        From a call with a folder: grey levels, uint8 ``(N, 1, 28, 28)``, and class numbers; the
        first 60 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed, or not an IDX file.
    Cost:
        About one second to check and unpack 31 MB.
    References:
        xiao2017fashion
    Example:
        >>> FashionMnist().domain.shape
        (1, 28, 28)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Fashion-MNIST",
        unit="pixel intensity, 0–1",
        licence="MIT",
        source=(
            "Fashion-MNIST, 70 000 photographs of clothes in ten classes, 28x28 pixels "
            "(xiao2017fashion), from the four published files."
        ),
        # There are no radii that everybody uses: l_inf 0.1, and l_2 and l_1 in CIFAR-10's
        # proportion (0.29 of the l_inf radius times sqrt(d), 0.13 of it times d).
        radii={
            "linf": (0.05, 0.1, 0.15),
            "l2": (0.5, 0.8, 1.2),
            "l1": (5.0, 10.0, 15.0),
            "l0": (5.0, 10.0, 20.0),
        },
        training={"model": "cnn-small", "epochs": 10, "batch_size": 128, "learning_rate": 0.005},
        pinned={
            "all": "db75e093152654af3a16437246239af4605c79e6046e02c4e5a70d8200f1d7a6",
            "x": "d581d66b0cbf18ebddfefa465510311c9a339f77bc6052b9d0d3926b146fc5e2",
            "y": "b5780aa85e463358cec7fd45f987f2c7ba76d6ffb00c04a4a00c81a80ee6edb7",
            "train": "9d4fce813cf88e74afb6053bf2140e7c77118c9cba3f0e2036821387f082d92b",
            "validation": "d5cf2cae29900bb318afa070be78c0ee827d8476dd2080a73602fd77d2c7f1d7",
            "test": "51fe80ceed62320c6608dce14e83ebd918d903fc07eff220981852342628201e",
        },
    )

    published: Source = field(
        default_factory=lambda: Source(
            files=_FILES,
            places=("fashion-mnist", "FashionMNIST/raw", "."),
            url="https://github.com/zalandoresearch/fashion-mnist",
            downloads={name: Download(url=f"{_SITE}{name}") for name in _FILES},
        )
    )

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(1, 28, 28))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        x, y = [], []
        for part in ("train", "t10k"):
            x.append(self._read(folder, f"{part}-images-idx3-ubyte.gz")[:, None])
            y.append(self._read(folder, f"{part}-labels-idx1-ubyte.gz").long())
        return Published(torch.cat(x), torch.cat(y), official=len(y[0]))

    def values(self, stored: Tensor) -> Tensor:
        """Levels 0..255 as values in [0, 1]."""
        return stored.to(torch.float32).div_(255)

    def _read(self, folder: Path, name: str) -> Tensor:
        """The array of one file."""
        return read_idx(self.published.read(folder, name), name)
