"""`cifar100`: 60 000 colour photographs in a hundred classes, from the published files."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Published, Source
from spikeproof.data.layouts import binary_records, python_batch

__all__ = ["Cifar100"]

_SITE = "https://www.cs.toronto.edu/~kriz/"
_ARCHIVE = "cifar-100-binary.tar.gz"
_BATCH = 3074 * 50_000  # bytes of the larger file in the archive


@dataclass(frozen=True, kw_only=True)
class Cifar100:
    """Read CIFAR-100 from the archive of its binary version, or from its Python version.

    The archive stays packed: what is published of it is the hash of the whole. The two files of
    the Python version are known by their own and read as plain data; nothing in them is run.

    Args:
        published: The archive and its hash.
        python: The files of the Python version, read where the archive is not there.
    Returns:
        From a call with a folder: levels, uint8 ``(N, 3, 32, 32)``, and numbers of the fine
        classes; the first 50 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed.
    Cost:
        About three seconds.
    References:
        krizhevsky2009
    Example:
        >>> Cifar100().facts.classes
        100
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=100,
        title="CIFAR-100",
        unit="pixel intensity, 0–1",
        licence="none stated; published for research",
        source=(
            "CIFAR-100, 60 000 colour photographs in a hundred classes, 32x32 pixels "
            "(krizhevsky2009), from the published files."
        ),
        # Those of CIFAR-10.
        radii={
            "linf": (2 / 255, 8 / 255, 16 / 255),
            "l2": (0.25, 0.5, 1.0),
            "l1": (6.0, 12.0, 24.0),
            "l0": (10.0, 20.0, 30.0),
        },
        training={"model": "vgg-9", "epochs": 30, "batch_size": 64, "learning_rate": 0.001},
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={_ARCHIVE: "03b5dce01913d631647c71ecec9e9cb8"},
            places=("cifar100", "."),
            url=f"{_SITE}cifar.html",
            downloads={_ARCHIVE: Download(url=f"{_SITE}{_ARCHIVE}")},
        )
    )
    python: Source = field(
        default_factory=lambda: Source(
            files={
                "train": "16019d7e3df5f24257cddd939b257f8d",
                "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
            },
            places=("cifar-100-python", "cifar100"),
            url=f"{_SITE}cifar.html",
        )
    )

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(3, 32, 32))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        if self.python.present(folder) and not self.published.present(folder):
            batches = [
                python_batch(self.python.read(folder, name), name, labels="fine_labels")
                for name in self.python.files
            ]
        else:
            (name,) = self.published.files
            files = _members(self.published.read(folder, name), name)
            batches = [binary_records(content, name, labels=2) for content in files]
        x = torch.from_numpy(np.concatenate([x for x, _ in batches]))
        y = torch.from_numpy(np.concatenate([y for _, y in batches]).astype(np.int64))
        return Published(x, y, official=len(batches[0][1]))

    def values(self, stored: Tensor) -> Tensor:
        """Levels 0..255 as values in [0, 1]."""
        return stored.to(torch.float32).div_(255)


def _members(archive: bytes, name: str) -> list[bytes]:
    """The training and the test file of the archive; nothing is written to the disk."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                last = member.name.rpartition("/")[2]
                if last in ("train.bin", "test.bin") and member.isreg() and member.size <= _BATCH:
                    stream = tar.extractfile(member)
                    assert stream is not None
                    found[last] = stream.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as problem:
        raise FileProblem(f"{name} is no archive of CIFAR-100 ({problem}); get it again.") from None
    if set(found) != {"train.bin", "test.bin"}:
        raise FileProblem(f"{name} does not hold train.bin and test.bin; get it again.")
    return [found["train.bin"], found["test.bin"]]
