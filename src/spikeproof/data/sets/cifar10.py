"""`cifar10`: 60 000 colour photographs, 32x32, read from any of three forms, never unpickled."""

from __future__ import annotations

import io
import lzma
import re
import struct
from collections.abc import Callable, Mapping
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

__all__ = ["BATCHES", "FORMS", "Cifar10"]

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

FORMS: Mapping[str, tuple[str, ...]] = {
    "binary": ("cifar-10-batches-bin", "cifar10", "."),
    "python": ("cifar-10-batches-py", "cifar10", "."),
    "packed": ("cifar10", "."),
}
"""Form → where its files may lie inside the user's folder, in the order in which they are tried."""

_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
_SIDE = 32
_PLANE = _SIDE * _SIDE

Batch = tuple[np.ndarray, np.ndarray]


_HASHES: Mapping[str, Mapping[str, str]] = {
    "binary": {
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    "python": {
        "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
        "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
        "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
        "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
        "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
        "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
    },
    "packed": {
        "data_batch_1.mrx.xz": "a43c0af539fa148a96c5091caae5286c109b96d88131ff6dc36444925c63694a",
        "data_batch_2.mrx.xz": "c8ab29da76b3481f5db1ea6ef1411b87547567e1f2c30f7219d03037b0d8db05",
        "data_batch_3.mrx.xz": "860092299dc75e25f7fea93ed49766d951c67ff6db2ee2ae027c7c4e2f65c9c0",
        "data_batch_4.mrx.xz": "00e41a6de8d87a66a0fd3abebf9a29b430641d78605bb30b4b81276c08bc5e84",
        "data_batch_5.mrx.xz": "ae596c07f42679c565289b2b86d9c7025b15f3469c10e33cc6735ae1b7c20704",
        "labels.npz": "100457827cb30b2869dbdce3761c5279714820de9a8c6fa4d0dcc7cbc3037527",
        "test_batch.mrx.xz": "8887a6c480a981b4c7cf1181df2c57d6fea9ee09c5a798163538e9648026c6cd",
    },
}


def _sources() -> dict[str, Source]:
    """The three forms with the hashes of their files."""
    return {
        form: Source(files=_HASHES[form], places=places, url=_URL) for form, places in FORMS.items()
    }


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """Read CIFAR-10 from the official binary files, the official Python files, or packed ones.

    The Python files are pickles. They are compared with the hash of the official ones and read as
    what they then are, a list of bytes at known places; nothing in them is ever executed. The
    packed form has one ``.mrx.xz`` file per official batch: three planes G, R - G, B - G, each
    the residual, modulo 256, of the median edge detector

        predict(a left, b above, c above left) = min(a, b) if c >= max(a, b),
                                                 max(a, b) if c <= min(a, b), else a + b - c

    and the labels in ``labels.npz``.

    Args:
        forms: Form → its files and their hashes; the first form that is there is read.
    Returns:
        From a call with a folder: levels, uint8 ``(N, 3, 32, 32)``, and class numbers; the first
        50 000 are the official training part. All forms give the same bytes.
    Raises:
        FileProblem: a file is absent, truncated or changed.
    Cost:
        Under a second for the official forms, some ten for the packed one.
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

    forms: Mapping[str, Source] = field(default_factory=_sources)

    @property
    def published(self) -> Source:
        """The form to name where none is there."""
        return self.forms["binary"]

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(3, _SIDE, _SIDE))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        there = [form for form, source in self.forms.items() if source.present(folder)]
        form = there[0] if there else "binary"
        batches = [_READERS[form](self.forms[form], folder, name) for name in BATCHES]
        x = np.concatenate([x for x, _ in batches])
        y = np.concatenate([y for _, y in batches]).astype(np.int64)
        return Published(
            torch.from_numpy(x), torch.from_numpy(y), official=len(y) - len(batches[-1][1])
        )

    def values(self, stored: Tensor) -> Tensor:
        """Levels 0..255 as values in [0, 1]."""
        return stored.to(torch.float32).div_(255)


def _binary(source: Source, folder: Path, name: str) -> Batch:
    """Records of one label and 3072 levels, channel by channel."""
    records = np.frombuffer(source.read(folder, f"{name}.bin"), np.uint8)
    if len(records) % (1 + 3 * _PLANE):
        raise FileProblem(f"{name}.bin does not hold whole records of {1 + 3 * _PLANE} bytes.")
    table = records.reshape(-1, 1 + 3 * _PLANE)
    return table[:, 1:].reshape(-1, 3, _SIDE, _SIDE), table[:, 0]


def _python(source: Source, folder: Path, name: str) -> Batch:
    """The labels and the one long string of levels in the bytes of a pickle of 2009."""
    content = source.read(folder, name)
    # Each label is 'K' and a byte; 'T' and a length open the string.
    start = content.find(b"labels")
    listed = re.search(rb"\]q.((?:\((?:K[\x00-\x09])+e)+)", content[start:], re.DOTALL)
    levels = content.find(b"tb\x89T")
    if start < 0 or listed is None or levels < 0:
        raise FileProblem(f"{name} is not a batch of the Python version of CIFAR-10.")
    y = np.frombuffer(re.sub(rb"[(eK]", b"", listed[1]), np.uint8)
    (length,) = struct.unpack("<i", content[levels + 4 : levels + 8])
    x = np.frombuffer(content[levels + 8 : levels + 8 + length], np.uint8)
    if len(x) != length or length != 3 * _PLANE * len(y):
        raise FileProblem(f"{name} holds {len(x)} levels for {len(y)} labels.")
    return x.reshape(-1, 3, _SIDE, _SIDE), y


def _packed(source: Source, folder: Path, name: str) -> Batch:
    """The levels of one packed batch, and its share of the labels."""
    content = source.read(folder, f"{name}.mrx.xz")
    with np.load(io.BytesIO(source.read(folder, "labels.npz")), allow_pickle=False) as labels:
        train, test = labels["train"], labels["test"]
    try:
        planes = np.frombuffer(lzma.decompress(content), np.uint8)
    except lzma.LZMAError as problem:
        raise FileProblem(f"{name}.mrx.xz cannot be unpacked ({problem}).") from None
    y = test if name == "test_batch" else np.split(train, 5)[BATCHES.index(name)]
    if planes.size != 3 * _PLANE * len(y):
        raise FileProblem(f"{name}.mrx.xz holds {planes.size} levels for {len(y)} labels.")
    return _unpredicted(planes.reshape(3, len(y), _SIDE, _SIDE)), y


def _unpredicted(residual: np.ndarray) -> np.ndarray:
    """Levels ``(N, 3, H, W)`` from the residuals ``(3, N, H, W)`` of G, R - G and B - G."""
    # Items last, so that a pixel of all items is one run of memory.
    steps = np.ascontiguousarray(residual.transpose(0, 2, 3, 1)).astype(np.int16)
    green = _plane(steps[0], None)
    red, blue = _plane(steps[1], green), _plane(steps[2], green)
    return np.ascontiguousarray(np.stack([red, green, blue]).astype(np.uint8).transpose(3, 0, 1, 2))


def _plane(steps: np.ndarray, green: np.ndarray | None) -> np.ndarray:
    """One channel ``(H, W, N)``; what was predicted is the channel, or its difference to green."""
    said = np.zeros_like(steps)
    for i in range(_SIDE):
        for j in range(_SIDE):
            step = _guess(said, i, j) + steps[i, j]
            level = step & 255 if green is None else (step + green[i, j]) & 255
            said[i, j] = level if green is None else level - green[i, j]
    return said if green is None else said + green


def _guess(said: np.ndarray, i: int, j: int) -> np.ndarray:
    """The median edge detector's prediction of pixel (i, j)."""
    if not i or not j:
        before = said[i, j - 1] if j else said[i - 1, 0]
        return np.zeros_like(said[0, 0]) if not (i or j) else before
    left, above, corner = said[i, j - 1], said[i - 1, j], said[i - 1, j - 1]
    # The median of a, b and a + b - c is the rule above in one line.
    low, high = np.minimum(left, above), np.maximum(left, above)
    guess: np.ndarray = np.clip(left + above - corner, low, high)
    return guess


_READERS: Mapping[str, Callable[[Source, Path, str], Batch]] = {
    "binary": _binary,
    "python": _python,
    "packed": _packed,
}
