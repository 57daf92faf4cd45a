"""What an item costs in memory, measured, and so how many go through a network at a time."""

from __future__ import annotations

import math
import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spikeproof.base import MOST_ROWS, BatchSize, available_bytes
from spikeproof.evaluate.diagnose.snapshot import Snapshot
from spikeproof.models import evaluating, home_of, input_gradients_only
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["batch_size_for", "bytes_per_item", "rows_that_fit"]

# What the rows of a batch may take on the CPU. One number for every machine that has it to spare,
# so that batches, and with them the last bits, do not hang on what else is running.
_ROOM = 1 << 30
# Share of the memory that is available that they may take where that is less, and on a device.
_SHARE = 0.5
# What is not seen: scratch space of convolutions and kernels, memory lost between blocks.
_UNSEEN = 2.0
# Copies of an item that an attack holds: iterates, gradients, moments, the best point.
_COPIES = 24
_MEASURED = 2


def batch_size_for(model: nn.Module, x: Tensor, asked: int | BatchSize | None = None) -> BatchSize:
    """Say how many rows go through a network at a time.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``; left as it was.
        x: The items, ``(N, *shape)``; the first two are looked at.
        asked: What the user wants, which is taken as it is.
    Returns:
        At most 256 rows; fewer where these take more than 1 GiB on the CPU, or more than half of
        what is available there or on the device.
    Raises:
        SettingError: less than one row is asked for.
    Cost:
        One forward and one backward pass of two items, which are not counted.
    """
    if isinstance(asked, BatchSize):
        return asked
    if asked is not None:
        return BatchSize(asked)
    each = bytes_per_item(model, x)
    return BatchSize(rows_that_fit(each, home_of(model)))


def rows_that_fit(each: int | None, device: torch.device) -> int:
    """How many rows of so many bytes go through at a time; as many as ever where nobody knows."""
    room = available_bytes(device)
    if each is None or not each:
        return MOST_ROWS
    share = math.inf if room is None else _SHARE * room
    if device.type == "cpu":
        share = min(share, _ROOM)
    return MOST_ROWS if share == math.inf else max(1, min(MOST_ROWS, int(share // each)))


def bytes_per_item(model: nn.Module, x: Tensor) -> int | None:
    """Measure what a question about an item takes at its peak, with what an attack holds of it.

    On CUDA torch counts. On the CPU every tensor that lives during one forward and one backward
    pass is counted, of any operator, and what autograd keeps; weights do not count.

    Returns:
        Bytes for one row; None where it cannot be measured, which a pass that counts explains.
    """
    few, device = x[:_MEASURED], home_of(model)
    if not len(few):
        return None
    own = _COPIES * few[0].numel() * few.element_size()
    before = Snapshot(model)  # a network may keep state of these two items
    try:
        if device.type == "cuda":
            peak = _counted_by_torch(model, few.to(device))
        elif device.type == "cpu":
            peak = _counted_here(model, few.to(device))
        else:
            return None
    except Exception:  # what is wrong with the model is told by the pass whose answer is used
        return None
    finally:
        before.put_back()
    return math.ceil(_UNSEEN * peak / len(few)) + own


def _ask(model: nn.Module, x: Tensor) -> None:
    """What an attack asks: outputs, and a gradient with respect to the input where there is one."""
    leaf = x.detach().clone().requires_grad_(x.is_floating_point())
    keys = prediction_seeds(torch.arange(len(x)))
    with evaluating(model), torch.enable_grad(), drawing(keys), input_gradients_only(model):
        logits = model(leaf)
        if logits.requires_grad:
            torch.autograd.grad(logits.sum(), leaf, allow_unused=True)


def _counted_by_torch(model: nn.Module, x: Tensor) -> int:
    """The peak on a CUDA device above what lay there before."""
    torch.cuda.reset_peak_memory_stats(x.device)
    before = torch.cuda.memory_allocated(x.device)
    _ask(model, x)
    return int(torch.cuda.max_memory_allocated(x.device)) - before


def _counted_here(model: nn.Module, x: Tensor) -> int:
    """The peak of the tensors that live during the passes."""
    known = [t.untyped_storage() for t in (*model.parameters(), *model.buffers())]
    ledger = _Ledger(known)
    with saved_tensors_hooks(ledger.keep, lambda tensor: tensor), ledger:
        _ask(model, x)
    return ledger.peak


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of every storage that an operator reads or writes, as long as it lives."""

    def __init__(self, known: list[torch.UntypedStorage]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._sizes = {storage._cdata: 0 for storage in known}
        self._now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, out)):
            if isinstance(leaf, Tensor):
                self.keep(leaf)
        return out

    def keep(self, tensor: Tensor) -> Tensor:
        """Count the storage of a tensor, once, until it is gone."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._sizes:
            self._sizes[key] = size
            self._now += size
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._gone, key)
        return tensor

    def _gone(self, key: int) -> None:
        self._now -= self._sizes.pop(key, 0)
