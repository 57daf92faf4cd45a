"""How items go into a network of others, and how its answers become logits ``(N, K)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.protocol import REDUCTIONS
from spikeproof.base import InputError, SettingError

__all__ = ["Entrance", "Exit", "Feed", "part_of"]

_USUAL_KEYS = ("logits", "output", "out", "spikes", "spk", "spk_rec")


class _Steps(list[Any]):
    """The answers of a network that was called once per step."""


@dataclass(frozen=True)
class Feed:
    """How a batch of items reaches a network.

    Args:
        how: ``"whole"`` hands it on; ``"first"`` brings the time axis of its items to the front;
            ``"repeat first"`` and ``"repeat second"`` show each item ``steps`` times, on a new
            axis; ``"steps"`` calls the network once per step, with the same items, and ``"slices"``
            with one step of the items after the other.
        steps: How often.
        state: Whether a call takes and hands back the state as a second value.
    """

    how: str = "whole"
    steps: int = 1
    state: bool = False

    def __call__(self, network: Callable[..., Any], x: Tensor) -> Any:
        """The answer of the network, or a list of its answers, one per step."""
        if self.how == "whole":
            return network(x)
        if self.how == "first":
            return network(x.transpose(0, 1))
        if self.how == "repeat first":
            return network(x.expand(self.steps, *x.shape))
        if self.how == "repeat second":
            return network(x.unsqueeze(1).expand(-1, self.steps, *x.shape[1:]))
        parts = x.unbind(1) if self.how == "slices" else [x] * self.steps
        if not self.state:
            return _Steps(network(part) for part in parts)
        answers, state = _Steps(), None
        for part in parts:
            answer, state = network(part, state)
            answers.append(answer)
        return answers


def part_of(answer: Any, part: str | None) -> Tensor:
    """The tensor among what a network answered; of lists, one tensor with the list in front.

    Raises:
        InputError: no tensor, or several and none of a usual name.
    """
    if isinstance(answer, _Steps):
        return torch.stack([part_of(each, part) for each in answer])
    if isinstance(answer, list) and part is None and all(isinstance(x, Tensor) for x in answer):
        return torch.stack(answer)
    if isinstance(answer, Mapping):
        keys = [part] if part is not None else [k for k in _USUAL_KEYS if k in answer]
        if part is None and len(answer) == 1:
            keys = list(answer)
        if keys and keys[0] in answer:
            return part_of(answer[keys[0]], None)
        said = ", ".join(map(str, answer))
        raise InputError(
            f"The network answers with a dictionary of {said}; expected one of them to be named. "
            "Give reduce='logits:KEY', or 'rate:KEY', 'last:KEY', 'max:KEY' for answers per step."
        )
    if isinstance(answer, tuple | list) and answer:
        where = int(part) if part is not None and part.isdigit() else 0
        if where < len(answer):
            return part_of(answer[where], None)
    if isinstance(answer, Tensor):
        return answer
    raise InputError(
        f"The network answers with {type(answer).__name__}; expected a tensor, or a tuple or "
        "dictionary that holds one. Return the logits from its forward."
    )


@dataclass(frozen=True)
class Exit:
    """How answers become logits.

    Args:
        rule: One of ``REDUCTIONS``.
        part: Which of several values; None the first, or the one of a usual name.
        axis: The time axis of an answer; None where it has none.
    """

    rule: str = "logits"
    part: str | None = None
    axis: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> Exit:
        """The rule of a text such as ``"rate"`` or ``"max:1"``.

        Raises:
            SettingError: an unknown rule.
        """
        rule, _, part = (text or "logits").partition(":")
        if rule not in REDUCTIONS:
            raise SettingError(
                f"reduce is one of {', '.join(REDUCTIONS)}, with :PART to choose one of several "
                f"values; got {text!r}."
            )
        return cls(rule, part or None)

    @property
    def said(self) -> str:
        """What it does, in the words of ``reduce``."""
        rule = "logits" if self.axis is None else self.rule
        return rule if self.part is None else f"{rule}:{self.part}"

    def __call__(self, answer: Any) -> Tensor:
        """Logits ``(N, K)``; a head of one logit z is the two classes 0 and z."""
        x = part_of(answer, self.part)
        if self.axis is not None and x.ndim > self.axis:
            x = self._reduced(x)
        if x.ndim == 1:
            x = x[:, None]
        if not x.is_floating_point():
            x = x.to(torch.get_default_dtype())
        if x.ndim == 2 and x.shape[1] == 1:
            x = torch.cat([torch.zeros_like(x), x], 1)
        return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x

    def _reduced(self, x: Tensor) -> Tensor:
        """Without the time axis."""
        assert self.axis is not None
        if self.rule == "last":
            return x.select(self.axis, -1)
        if self.rule == "max":
            return x.amax(self.axis)
        return (x if x.is_floating_point() else x.float()).mean(self.axis)


class Entrance(nn.Module):
    """From legal items to what the network was trained on: its type, its mean and deviation.

    Args:
        mean: One number, or one per channel; None subtracts nothing.
        std: The same, to divide by.
        kind: The type of the network's weights; None hands items on in theirs.
    Raises:
        SettingError: a deviation that is not above zero, or numbers that are not finite.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(self, mean: Any, std: Any, kind: torch.dtype | None) -> None:
        super().__init__()
        self.kind = kind
        for name, value in (("mean", mean), ("std", std)):
            made = None if value is None else torch.as_tensor(value, dtype=torch.float64).flatten()
            if made is not None and not torch.isfinite(made).all():
                raise SettingError(f"adapt: {name} must be finite; got {value!r}.")
            if name == "std" and made is not None and not (made > 0).all():
                raise SettingError(f"adapt: std must be above zero; got {value!r}.")
            self.register_buffer(name, made, persistent=True)

    def forward(self, x: Tensor) -> Tensor:
        """What the network is shown."""
        if self.kind is not None and x.dtype != self.kind:
            x = x.to(self.kind)
        elif not x.is_floating_point():
            x = x.to(torch.get_default_dtype())
        if self.mean is not None:
            x = x - self._shaped(self.mean, x)
        return x if self.std is None else x / self._shaped(self.std, x)

    @staticmethod
    def _shaped(value: Tensor, x: Tensor) -> Tensor:
        """A number per channel where the channels of a batch are: before the pixels."""
        value = value.to(x.dtype)
        if len(value) == 1:
            return value
        axis = max(1, x.ndim - 3)
        if x.shape[axis] != len(value):
            raise InputError(
                f"adapt: mean and std have {len(value)} channels, where items of shape "
                f"{tuple(x.shape[1:])} have {x.shape[axis]}; give one number or one per channel."
            )
        return value.view(-1, *[1] * (x.ndim - axis - 1))
