"""A pretend accelerator: finds on a CPU the mistakes that a real device would punish.

Tensors made by :func:`pretend` say that they live on ``pretend:0`` and hold CPU data. An operator
that mixes them with tensors on the CPU raises the sentence that CUDA raises; zero-dimensional CPU
tensors and CPU indices are allowed, as there. The numbers are those of the CPU to the last bit, so
a result on it can be compared with ``torch.equal``. It rests on the Python back end of torch's
PrivateUse1 key, which torch has since 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["DEVICES", "moved", "needs", "pretend"]

NAME = "pretend"
_SETUP = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
_NEEDS = "the pretend device needs the Python back end of torch >= 2.13"
# Operators that take indices from the CPU for data elsewhere, as CUDA does.
_BY_INDEX = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
# Operators whose answer is a Python value.
_PLAIN = {"aten::_local_scalar_dense", "aten::equal", "aten::is_same_size"}

DEVICES = [
    pytest.param(
        "pretend:0", id="pretend", marks=pytest.mark.skipif(_SETUP is None, reason=_NEEDS)
    ),
    pytest.param(
        "cuda:0",
        id="cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
    ),
]
"""What a test of devices runs on: the pretend one, and CUDA where there is one."""

needs = pytest.mark.skipif(_SETUP is None, reason=_NEEDS)


class Pretend(Tensor):
    """A tensor that says it lives on ``pretend:0``; its data are ``raw``."""

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor, requires_grad: bool = False) -> Pretend:
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=torch.device(NAME, 0),
            requires_grad=requires_grad,
        )
        made.raw = raw
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Pretend({self.raw!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """As torch copies a leaf; it knows no way for wrappers."""
        if id(self) not in memo:
            copied: Tensor = Pretend(self.raw.detach().clone())
            if isinstance(self, nn.Parameter):
                copied = nn.Parameter(copied, self.requires_grad)
            memo[id(self)] = copied.requires_grad_(self.requires_grad)
        return memo[id(self)]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = dict(kwargs or {}), func._schema.name
        if name == "aten::_to_copy":
            return _copied(func, args[0], kwargs)
        if name == "aten::copy_":
            _raw(args[0]).copy_(_raw(args[1]))
            return args[0]
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        _check_places(name, args, tensors)
        if kwargs.get("device") is not None:
            home = torch.device(kwargs["device"]).type == NAME
            kwargs["device"] = torch.device("cpu")
        else:
            home = True
        out = func(*tree_map(_raw, args), **tree_map(_raw, kwargs))
        if name in _PLAIN or not home:
            return out
        known = {id(tensor.raw): tensor for tensor in tensors if isinstance(tensor, Pretend)}

        def wrapped(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return known.get(id(value)) if id(value) in known else Pretend(value)

        return tree_map(wrapped, out)


def _copied(func: Any, source: Tensor, kwargs: dict[str, Any]) -> Tensor:
    """``source.to(...)``: the device that is asked for decides what comes out."""
    asked = kwargs.pop("device", None)
    device = source.device if asked is None else torch.device(asked)
    out: Tensor = func(_raw(source), **{**kwargs, "device": torch.device("cpu")})
    return out if device.type == "cpu" else Pretend(out)


def _check_places(name: str, args: Any, tensors: list[Tensor]) -> None:
    """Raise what CUDA raises where tensors of two devices meet."""
    if name in _BY_INDEX and isinstance(args[0], Pretend):  # the values that are put must be there
        tensors = [value for value in args[2:3] if isinstance(value, Tensor)]
    if any(not isinstance(tensor, Pretend) and tensor.dim() for tensor in tensors):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"pretend:0 and cpu! (in {name})"
        )


def _raw(value: Any) -> Any:
    return value.raw if isinstance(value, Pretend) else value


def pretend(tensor: Tensor) -> Tensor:
    """A copy of a tensor on the pretend device."""
    return Pretend(tensor.detach().clone(), tensor.requires_grad)


def moved(model: nn.Module, device: str) -> nn.Module:
    """A copy of a model on a device."""
    return deepcopy(model).to(device)


def _factory(operator: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An operator that makes a tensor of nothing, on the pretend device."""

    def make(*args: Any, **kwargs: Any) -> Tensor:
        kwargs.pop("pin_memory", None)
        return Pretend(operator(*args, **{**kwargs, "device": torch.device("cpu")}))

    return make


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    """Copy between the CPU and the pretend device."""
    _raw(target).copy_(_raw(source))
    return target


if _SETUP is not None:
    _SETUP(NAME)
    _MODULE = torch.get_device_module(NAME)
    _MODULE.get_amp_supported_dtype = lambda: [torch.bfloat16]
    # torch.random.fork_rng, in whatever test comes next, also asks this device for its state.
    _MODULE.get_rng_state = lambda device=None: torch.get_rng_state()
    _MODULE.set_rng_state = lambda state, device=None: None
    _LIBRARY = torch.library.Library("aten", "IMPL")
    for _name, _overload in (
        ("empty", "memory_format"),
        ("empty_strided", "default"),
        ("arange", "default"),
        ("arange", "start"),
        ("arange", "start_step"),
        ("linspace", "default"),
        ("eye", "default"),
        ("eye", "m"),
        ("randperm", "default"),
    ):
        _made = _factory(getattr(getattr(torch.ops.aten, _name), _overload))
        _LIBRARY.impl(
            _name if _overload == "default" else f"{_name}.{_overload}", _made, "PrivateUse1"
        )
    _LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
    _LIBRARY.impl("_local_scalar_dense", lambda value: value.raw.item(), "PrivateUse1")
