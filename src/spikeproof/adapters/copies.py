"""A copy of a network that an attack may use freely, so that the user's own stays what it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError

__all__ = ["copy_of", "tensor_type", "unwrapped"]

_LOW = (torch.float16, torch.bfloat16)


def unwrapped(model: object) -> tuple[nn.Module, tuple[str, ...]]:
    """The network inside what compiles or spreads it, and a note on each wrapper taken off.

    Raises:
        InputError: no torch module, or one of which no copy can be made that obeys.
    """
    notes = []
    while True:
        if not isinstance(model, nn.Module):
            raise InputError(
                f"adapt takes a torch module or a NIR graph; got {type(model).__name__}. Put what "
                "calls your network into the forward of a torch.nn.Module and adapt that."
            )
        if isinstance(model, torch.jit.ScriptModule):
            raise InputError(
                f"{type(model).__name__} is TorchScript, whose spikes and state nobody can reach "
                "from outside; got a scripted network where a torch module was expected. Adapt the "
                "module it was made from."
            )
        if hasattr(model, "_orig_mod"):
            notes.append("It was compiled; it is attacked as the eager module it was made from.")
            model = model._orig_mod
        elif isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            notes.append(f"It was spread by {type(model).__name__}; it is attacked on one device.")
            model = model.module
        else:
            return model, tuple(notes)


def tensor_type(network: nn.Module) -> torch.dtype | None:
    """The floating type of a network's first parameter or buffer; None where it has neither."""
    tensors = [*network.parameters(), *network.buffers()]
    return next((x.dtype for x in tensors if x.is_floating_point()), None)


def copy_of(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """A copy that shares nothing with the network, and notes on what is different about it.

    Its weights ask for no gradient, so that no attack computes or leaves any, and half precision
    becomes single: gradients of surrogates vanish in half.

    Raises:
        InputError: a part that cannot be copied, or weights that do not exist yet.
    """
    for name, parameter in model.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise InputError(
                f"{type(model).__name__} has weights of no size yet, first {name!r}; call it once "
                "on a batch of yours before adapting it."
            )
    memo: dict[int, Any] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().clone(), requires_grad=False)
    for tensor in _held(model):
        # Copied by torch only where it is a leaf, and state of the last call is none.
        if id(tensor) not in memo and not tensor.is_leaf:
            memo[id(tensor)] = tensor.detach().clone()
    try:
        network: nn.Module = copy.deepcopy(model, memo)
    except Exception as problem:
        raise InputError(
            f"{type(model).__name__} cannot be copied, and the adapter attacks a copy so that "
            f"yours stays as it is: {problem} Build a fresh network, load its weights, and adapt "
            "that."
        ) from problem
    low = tensor_type(network)
    if low not in _LOW:
        return network, ()
    said = str(low).removeprefix("torch.")
    return network.float(), (
        f"Its weights are {said}; they are attacked in float32, where gradients of surrogates do "
        "not vanish, so answers near a boundary can differ from those in half precision.",
    )


def _held(model: nn.Module) -> Iterator[Tensor]:
    """Tensors among the attributes and buffers of the modules, in containers too."""
    for module in model.modules():
        waiting = [value for key, value in vars(module).items() if key != "_parameters"]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Tensor):
                yield value
            elif isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list | tuple | set):
                waiting += value
