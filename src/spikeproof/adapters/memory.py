"""What modules hold between two calls, kept once and put back before every forward pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["ModuleState"]

_MODULE = frozenset(vars(nn.Module()))
_MISSING = object()
# A longer list is no state of neurons but data that somebody keeps there.
_LONGEST = 1000
# Name, module, its attributes (None of torch's own layers), its buffers, and how many attributes.
_Held = tuple[str, nn.Module, dict[str, Any] | None, dict[str, Any], int]


class ModuleState:
    """The attributes and buffers of every module as they are now, to be put back.

    A neuron may keep its membrane as an attribute, a buffer, in a dictionary or in a list, assigned
    or written in place; whatever it is, it is found by comparing. Attributes of torch's own layers
    are settings and are not looked at, their buffers are. What a module keeps in objects of its
    own classes is not seen.

    Args:
        network: Whose modules.
    Example:
        >>> class Count(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.calls = 0
        ...     def forward(self, x):
        ...         self.calls += 1
        ...         return x
        >>> net = Count()
        >>> memory = ModuleState(net)
        >>> net(1), memory.moved()
        (1, ['calls'])
        >>> memory.restore()
        >>> net.calls
        0
    """

    def __init__(self, network: nn.Module) -> None:
        self._modules: list[_Held] = []
        for name, module in network.named_modules():
            own = None
            if not type(module).__module__.startswith("torch.nn."):
                own = {k: _kept(v) for k, v in vars(module).items() if k not in _MODULE}
            buffers = {k: _kept(v) for k, v in module._buffers.items()}
            if own is not None or buffers:
                self._modules.append((name, module, own, buffers, len(vars(module))))

    def restore(self) -> None:
        """Put everything back."""
        for _, module, own, buffers, size in self._modules:
            if own is not None:
                _restore(vars(module), own, size)
            if buffers or module._buffers:
                _restore(module._buffers, buffers, len(buffers))

    def moved(self) -> list[str]:
        """Names of what is not as it was kept, ``"layer.attribute"``."""
        found = []
        for name, module, own, buffers, _ in self._modules:
            for where, kept in ((vars(module), own), (module._buffers, buffers)):
                if kept is None:
                    continue
                skip = _MODULE if kept is own else frozenset[str]()
                names = [key for key in where if key not in skip]
                for key in dict.fromkeys([*kept, *names]):
                    now, then = where.get(key, _MISSING), kept.get(key, _MISSING)
                    if _differs(now, then):
                        found.append(f"{name}.{key}" if name else key)
        return found

    def tensors(self, names: list[str]) -> list[str]:
        """Those of these names under which a tensor was kept: state that had begun already."""
        kept = {
            (f"{name}.{key}" if name else key): value
            for name, _, own, _, _ in self._modules
            for key, value in (own or {}).items()
        }
        return [name for name in names if any(True for _ in _tensors(kept.get(name)))]


class _Tensor:
    """A tensor and its values."""

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.version = _version(value)
        self.values = value.detach().clone()

    def same(self, now: Any) -> bool:
        return now is self.value and self._whole()

    def again(self) -> Tensor:
        """The tensor, or one with its values where somebody wrote into it."""
        if not self._whole():
            self.value = self.values.clone()
            self.version = _version(self.value)
        return self.value

    def _whole(self) -> bool:
        """Whether nobody wrote into it; batch norm does, and no version of a tensor counts it."""
        if _version(self.value) != self.version:
            return False
        now, then = self.value.detach(), self.values
        return torch.equal(now, then) or bool(((now == then) | (now != now) & (then != then)).all())


class _Container:
    """A dictionary, list or queue, and what is in it."""

    def __init__(self, value: Any) -> None:
        self.value = value
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        self.parts = {key: _kept(part) for key, part in pairs}

    def same(self, now: Any) -> bool:
        if now is not self.value or len(now) != len(self.parts):
            return False
        pairs = now.items() if isinstance(now, dict) else enumerate(now)
        return not any(_differs(part, self.parts.get(key, _MISSING)) for key, part in pairs)

    def again(self) -> Any:
        if not self.same(self.value):
            parts = {key: _again(part) for key, part in self.parts.items()}
            self.value.clear()
            if isinstance(self.value, dict):
                self.value.update(parts)
            else:
                self.value.extend(parts.values())
        return self.value


def _kept(value: Any) -> Any:
    """A value as it is remembered; itself where nothing can change inside it."""
    if isinstance(value, Tensor):
        return _Tensor(value)
    if isinstance(value, dict | list | deque) and len(value) <= _LONGEST:
        return _Container(value)
    return value


def _again(kept: Any) -> Any:
    """The remembered value."""
    return kept.again() if isinstance(kept, _Tensor | _Container) else kept


def _differs(now: Any, kept: Any) -> bool:
    """Whether a value is not the remembered one any more."""
    return not kept.same(now) if isinstance(kept, _Tensor | _Container) else now is not kept


def _restore(where: dict[str, Any], kept: dict[str, Any], size: int) -> None:
    """Put remembered values back, and drop what was not there when there were ``size``."""
    for key, value in kept.items():
        if _differs(where.get(key, _MISSING), value):
            where[key] = _again(value)
    if len(where) != size:
        for key in [key for key in where if key not in kept and key not in _MODULE]:
            del where[key]


def _version(tensor: Tensor) -> int:
    """How often a tensor was written into; nobody counts for those of inference mode."""
    return 0 if tensor.is_inference() else tensor._version


def _tensors(kept: Any) -> Iterator[Tensor]:
    """Tensors with something in them."""
    if isinstance(kept, _Tensor) and kept.value.numel():
        yield kept.value
    elif isinstance(kept, _Container):
        for part in kept.parts.values():
            yield from _tensors(part)
