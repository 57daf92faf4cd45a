"""What a network answered, if these are no logits: what came, and the line that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.evaluate.diagnose.flag import Flag

__all__ = ["check_head", "check_network", "time_first", "unanswered"]


def check_network(model: object, place: str) -> nn.Module:
    """Return a network; raise where something else was given in its place.

    Args:
        model: What was given.
        place: What to call it in an error.
    Raises:
        InputError: weights alone, a function, or anything else that is no module.
    Example:
        >>> check_network({"0.weight": torch.zeros(1)}, "audit: model")
        Traceback (most recent call last):
        spikeproof.base.errors.InputError: audit: model must be a torch.nn.Module; got weights \
alone (a table of 1 tensors, '0.weight' first): build the network and call \
network.load_state_dict(weights).
    """
    if isinstance(model, nn.Module):
        return model
    if isinstance(model, Mapping):
        first = repr(next(iter(model), ""))
        got = (
            f"weights alone (a table of {len(model)} tensors, {first} first): build the network "
            "and call network.load_state_dict(weights)."
        )
    elif isinstance(model, type) and issubclass(model, nn.Module):
        got = f"the class {model.__name__}: make a network of it, {model.__name__}(...)."
    elif callable(model):
        name = getattr(model, "__name__", type(model).__name__)
        got = (
            f"the function {name}: call it in the forward of a module, class Net(nn.Module): "
            f"forward = lambda self, x: {name}(x), so that modes and weights can be found."
        )
    else:
        got = f"{type(model).__name__}."
    raise InputError(f"{place} must be a torch.nn.Module; got {got}")


def check_head(answer: object, x: Tensor) -> Tensor:
    """Return what a network answered, if it may be logits ``(N, K)`` of two classes or more.

    Args:
        answer: What came out.
        x: What went in, ``(N, *shape)``.
    Raises:
        InputError: anything else; the sentence says what came and how to wrap it.
    Example:
        >>> check_head(torch.zeros(4, 1), torch.zeros(4, 2))
        Traceback (most recent call last):
        spikeproof.base.errors.InputError: The model must return logits (N, K); got one logit, \
shape (4, 1), for 4 items: return torch.cat([-z, z], 1) / 2 where z is that logit (class 1 is \
z > 0).
    """
    if isinstance(answer, Mapping):
        keys = ", ".join(repr(key) for key in list(answer)[:6])
        _refuse(f"a table with the keys {keys}", f"return output[{next(iter(answer), 'logits')!r}]")
    if isinstance(answer, tuple | list):
        parts = ", ".join(_named(part) for part in answer[:4])
        name = type(answer).__name__
        _refuse(f"a {name} of {len(answer)} ({parts})", "return output[0], or whichever is logits")
    if not isinstance(answer, Tensor):
        _refuse(type(answer).__name__, "return the tensor of logits")
    assert isinstance(answer, Tensor)
    n, shape = len(x), tuple(answer.shape)
    if shape in ((n, 1), (n,)):
        column = "z" if len(shape) == 2 else "z[:, None]"
        _refuse(
            f"one logit, shape {shape}, for {n} items",
            f"return torch.cat([-{column}, {column}], 1) / 2 where z is that logit (class 1 is "
            "z > 0)",
        )
    if answer.ndim == 3:
        _of_steps(shape, n)
    if answer.ndim != 2 or len(answer) != n:
        _refuse(f"shape {shape} for {n} items", "keep the items first and one number per class")
    if not answer.is_floating_point():
        _refuse(
            f"{answer.dtype} of shape {shape}, which no gradient can pass",
            "return the floating-point numbers that it was made from",
        )
    return answer


def time_first(answer: object, x: Tensor) -> Flag | None:
    """Say so where a network has taken the second axis of its input for the items.

    Args:
        answer: What came out.
        x: What went in, ``(N, T, ...)``.
    """
    if not isinstance(answer, Tensor) or answer.ndim != 2 or x.ndim < 3:
        return None
    n, second = x.shape[:2]
    if len(answer) != second or second == n:
        return None
    return Flag(
        name="time-axis",
        stop=True,
        seen=f"The input is {tuple(x.shape)}, {n} items, and the model returned "
        f"{tuple(answer.shape)}, a row for each of {second} entries of its second axis.",
        why="It takes the first axis for time, so an attack would change other items' steps.",
        mend="Begin its forward with x = x.transpose(0, 1), or use sp.adapt(model, time='first').",
    )


def unanswered(model: nn.Module, n: int, problem: RuntimeError) -> Exception:
    """Return the error of a call, with its cause where tensors of an earlier call are held.

    Args:
        model: What was asked.
        n: How many items it was asked about.
        problem: What torch said.
    """
    held = [
        f"{name}.{key} {tuple(value.shape)}".removeprefix(".")
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, Tensor) and value.ndim
    ]
    if not held:
        return problem
    return InputError(
        f"The model cannot answer {n} items ({str(problem).splitlines()[0]}), and it holds "
        f"{', '.join(held[:4])} from an earlier call: reset it at the start of its forward pass."
    )


def _of_steps(shape: tuple[int, ...], n: int) -> None:
    """Refuse an answer with an axis of time."""
    axis = 1 if shape[0] == n else 0
    _refuse(
        f"shape {shape} for {n} items, an answer per step",
        f"average over time, return output.mean({axis})",
    )


def _named(part: Any) -> str:
    """A part of an answer in a few words."""
    return str(tuple(part.shape)) if isinstance(part, torch.Tensor) else type(part).__name__


def _refuse(got: str, mend: str) -> None:
    raise InputError(f"The model must return logits (N, K); got {got}: {mend}.")
