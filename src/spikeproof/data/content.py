"""Keys that follow from what an item holds, so that splits do not hang on the order of a file."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import check_whole
from spikeproof.data.splits import Shares

__all__ = ["content_keys", "deal", "part_off"]


def content_keys(x: Tensor, seed: int = 0) -> Tensor:
    """Return one key per item that depends on its values and the seed alone, int64 ``(N,)``.

    Args:
        x: Items, ``(N, *shape)``.
        seed: Which keys.
    Cost:
        About a second for 300 MB.
    Example:
        >>> x = torch.rand(3, 2)
        >>> torch.equal(content_keys(x)[[2, 0, 1]], content_keys(x[[2, 0, 1]]))
        True
    """
    begun = hashlib.sha256(f"{check_whole(seed, 'seed')}|{tuple(x.shape[1:])}|".encode())
    keys = np.empty(len(x), dtype="<i8")
    for number in range(len(x)):
        one = begun.copy()
        values = x[number].contiguous().numpy()
        one.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
        keys[number] = np.frombuffer(one.digest()[:8], dtype="<i8")[0]
    return torch.from_numpy(keys.astype(np.int64))


def deal(x: Tensor, y: Tensor, *, seed: int = 0, shares: Shares | None = None) -> dict[str, Tensor]:
    """Deal items to train, validation and test by what they hold.

    Within class c with n_c items, in the order of their keys, the first round(0.60 n_c) are
    train, the next round(0.15 n_c) validation, the rest test. Equal items of a class have equal
    keys and stay together, wherever the first of them belongs.

    Args:
        x: Items, ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``.
        seed: Which deal.
        shares: Share of each split.
    Returns:
        ``"train"``, ``"validation"``, ``"test"`` → positions, int64, each in the order of the
        keys; disjoint, together all.
    Example:
        >>> dealt = deal(torch.rand(40, 2), torch.arange(40) % 2)
        >>> [len(items) for items in dealt.values()]
        [24, 6, 10]
    """
    shares = shares or Shares()
    return _dealt(x, y, (shares.train, shares.validation), seed)


def part_off(x: Tensor, y: Tensor, *, validation: float = 0.1, seed: int = 0) -> dict[str, Tensor]:
    """Deal training items to train and validation by what they hold, as ``deal`` does.

    Args:
        x: Items, ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``.
        validation: Share of each class to select on.
        seed: Which deal.
    Returns:
        ``"train"``, ``"validation"`` → positions, int64.
    """
    dealt = _dealt(x, y, (1 - validation, 1.0), seed)
    return {name: dealt[name] for name in ("train", "validation")}


def _dealt(x: Tensor, y: Tensor, shares: tuple[float, float], seed: int) -> dict[str, Tensor]:
    """Positions of three parts, of which two have a share of every class."""
    keys = content_keys(x, seed)
    order = torch.argsort(keys, stable=True)
    part = torch.empty_like(y)
    for label in torch.unique(y).tolist():
        members = order[y[order] == label]
        # The place of an item is that of the first one that equals it.
        place = torch.searchsorted(keys[members], keys[members], right=False)
        train = round(shares[0] * len(members))
        validation = min(len(members), train + round(shares[1] * len(members)))
        part[members] = (place >= train).long() + (place >= validation).long()
    names = ("train", "validation", "test")
    return {name: order[part[order] == number] for number, name in enumerate(names)}
