"""Training by several processes at once, each on its share of every batch.

Plain ``torch.distributed``, launched by ``torchrun``. Gradients are summed once per step, after the
backward pass: terms and attacks run the model several times per step, which the hooks of
``DistributedDataParallel`` are not made for. Batch normalisation in training takes its statistics
over the whole batch, so that several processes follow the path of one, up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spikeproof.base import SettingError

__all__ = ["Group", "processes"]


@dataclass(frozen=True)
class Group:
    """The processes that train together; one process alone is a group of one.

    Args:
        rank: Number of this process, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Group:
        """The group that ``torch.distributed`` was initialised with, or this process alone."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def is_main(self) -> bool:
        """Whether this process is rank 0, which writes files and messages."""
        return self.rank == 0

    def share(self, which: Tensor) -> Tensor:
        """This process's part of a batch."""
        return which.tensor_split(self.size)[self.rank]

    def check(self, smallest: int) -> None:
        """Raise SettingError where a batch has fewer items than there are processes."""
        if smallest < self.size:
            raise SettingError(
                f"The smallest batch has {smallest} items for {self.size} processes; use a larger "
                "batch_size or fewer processes."
            )

    def total(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The sums of numbers over all processes, the same in each."""
        if self.size == 1:
            return list(values)
        packed = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(packed)
        return [float(value) for value in packed]

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes."""
        if self.size > 1:
            grads = [p.grad for p in parameters if p.grad is not None]
            packed = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(packed)
            for grad, part in zip(
                grads, torch.split(packed, [grad.numel() for grad in grads]), strict=True
            ):
                grad.copy_(part.view_as(grad))

    def all_reduce_counts(
        self, before: Mapping[str, Tensor], after: Mapping[str, Tensor], device: torch.device
    ) -> dict[str, Tensor]:
        """Counts to which every process has added its own, with what all of them have added."""
        if self.size == 1:
            return dict(after)
        out = {}
        for name in sorted(after):
            had = before.get(name, torch.zeros_like(after[name]))
            added = self.total((after[name] - had).flatten().tolist(), device)
            out[name] = had + torch.tensor(added).to(had).view_as(had)
        return out

    def copy_weights(self, model: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.size > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Go on when every process has come this far."""
        if self.size > 1:
            dist.barrier()

    @contextmanager
    def synchronised(self) -> Iterator[None]:
        """Batch normalisation in training mode uses the batch of all processes inside."""
        if self.size == 1:
            yield
        else:
            with _WholeBatch():
                yield


@contextmanager
def processes(device: str = "cpu") -> Iterator[Group]:
    """Join the processes that ``torchrun`` started, and part from them at the end.

    Args:
        device: ``"cpu"`` (gloo) or ``"cuda"`` (nccl).
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield Group.current()
        return
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Group.current()
    finally:
        dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """Sum over all processes; so is its gradient, to any order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _summed(grads[0].contiguous())


def _summed(x: Tensor) -> Tensor:
    """The sum of a tensor over all processes, with its graph."""
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total


class _WholeBatch(TorchFunctionMode):
    """Sends every batch normalisation in training mode to :func:`_normalise`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.batch_norm:
            given = dict(zip(_NAMES, args, strict=False)) | (kwargs or {})
            if given.get("training"):
                return _normalise(**given)
        return func(*args, **(kwargs or {}))


_NAMES = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")


def _normalise(**given: Any) -> Tensor:
    """What ``F.batch_norm`` computes, over the items of all processes."""
    x: Tensor = given["input"]
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    count = _summed(x.new_tensor(float(x.numel() // x.shape[1])))
    mean = _summed(x.sum(axes)) / count
    centred = x - mean.view(shape)
    var = _summed(centred.square().sum(axes)) / count
    momentum = given.get("momentum", 0.1)
    with torch.no_grad():
        for name, value in (("running_mean", mean), ("running_var", var * count / (count - 1))):
            if given.get(name) is not None:
                given[name].mul_(1 - momentum).add_(value, alpha=momentum)
    out: Tensor = centred * torch.rsqrt(var + given.get("eps", 1e-5)).view(shape)
    if given.get("weight") is not None:
        out = out * given["weight"].view(shape)
    if given.get("bias") is not None:
        out = out + given["bias"].view(shape)
    return out
