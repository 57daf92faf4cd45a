"""Inputs as users have them: arrays of any type and layout, and the items that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_one_of
from spikeproof.data.domain import Domain
from spikeproof.data.modality import MODALITIES

__all__ = ["Layout", "bounds_of", "layout_of", "tensor_of"]

_FEW = 4  # the most channels that pictures of cameras and scanners have
_KIND_OF = {1: "real", 3: "image", 4: "events"}  # what items of so many axes are by themselves


def tensor_of(x: object, what: str = "x") -> Tensor:
    """Return inputs as a tensor of real numbers on the CPU that shares no memory with a model.

    Args:
        x: A tensor, an array or a list of real numbers, items first.
        what: What to call it in an error.
    Raises:
        InputError: it holds anything but real numbers, or has no axis beside that of the items.
    Example:
        >>> tensor_of(np.zeros((2, 3), dtype=np.uint8)[:, ::-1]).dtype
        torch.uint8
    """
    if isinstance(x, Tensor):
        values = x.detach().cpu()
    else:
        try:
            array = np.asarray(x)
        except ValueError:  # rows of several lengths
            array = np.empty(0, dtype=object)
        if array.dtype.kind not in "biuf":
            raise InputError(
                f"{what} must be an array of real numbers, items first; got "
                f"{type(x).__name__} of type {array.dtype}."
            )
        if array.dtype.itemsize > 8 or (array.dtype.kind == "u" and array.dtype.itemsize > 1):
            array = array.astype(np.float64)  # torch has no such type
        # A copy in the machine's order of bytes, without negative strides: torch takes no other.
        values = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    if values.is_complex() or values.is_quantized or values.layout != torch.strided:
        raise InputError(f"{what} must be a dense tensor of real numbers; got {values.dtype}.")
    if values.ndim < 2:
        raise InputError(
            f"{what} must have shape (N, ...), items first; got {tuple(values.shape)}. One item "
            "alone is x[None]."
        )
    return values


@dataclass(frozen=True)
class Layout:
    """How inputs as given become items.

    Args:
        kind: Of the domain.
        shape: Shape of an item.
        moved: Whether the channels were last and are moved to the front.
        grown: Whether pictures had no axis of channels and are given one.
    """

    kind: str
    shape: tuple[int, ...]
    moved: bool = False
    grown: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """The items, ``(N, *shape)``."""
        if self.grown:
            x = x.unsqueeze(1)
        return x.movedim(-1, -3) if self.moved else x

    def back(self, x: Tensor) -> Tensor:
        """Items in the layout that was given."""
        if self.moved:
            return x.movedim(-3, -1)
        return x.squeeze(1) if self.grown else x


def layout_of(shape: Sequence[int], kind: str | None = None, channels: str | None = None) -> Layout:
    """Return how inputs of a shape become items, where that has one meaning.

    Channels are last, without being told so, only where the first reading makes no sense: the
    last axis is at most 4 long, the two before it at least twice as long, and these are equal or
    the first of them is too long to be channels.

    Args:
        shape: Of one input as given, without the axis of the items.
        kind: Of the domain; by the number of axes where absent: 1 real numbers, 3 a picture,
            4 a recording of events.
        channels: ``"first"`` or ``"last"`` where the shape does not say it.
    Raises:
        SettingError: a shape that has two meanings, or none; what to say is named.
    Example:
        >>> layout_of((28, 28, 3)).shape, layout_of((28, 28), "image").shape
        ((3, 28, 28), (1, 28, 28))
        >>> layout_of((28, 28))
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: Items of shape (28, 28) may be pictures without an \
axis of channels or trains of spikes (time, line); say kind="image" or kind="events".
    """
    shape = tuple(int(size) for size in shape)
    if channels is not None:
        check_one_of(channels, ("first", "last"), "channels")
    if kind is None:
        if len(shape) == 2:
            raise SettingError(
                f"Items of shape {shape} may be pictures without an axis of channels or trains of "
                'spikes (time, line); say kind="image" or kind="events".'
            )
        kind = _KIND_OF.get(len(shape), "real")
    check_one_of(kind, MODALITIES, "kind of input")
    if kind == "image" and len(shape) == 2:
        return Layout(kind, (1, *shape), grown=True)
    deep = "channel" in dict(zip(_axes(kind, len(shape)), shape, strict=False))
    if deep and channels != "first" and (channels == "last" or _last(shape[-3:])):
        return Layout(kind, (*shape[:-3], shape[-1], *shape[-3:-1]), moved=True)
    return Layout(kind, shape)


def _axes(kind: str, count: int) -> tuple[str, ...]:
    """The axes of an item of a kind; none where it has another number of them."""
    return next((axes for axes in MODALITIES[kind].layouts if len(axes) == count), ())


def _last(shape: tuple[int, ...]) -> bool:
    """Whether the last of three axes can only be that of the channels."""
    first, second, last = shape
    if last > _FEW or min(first, second) < 2 * last:
        return False
    return first == second or first > _FEW


def bounds_of(
    x: Tensor,
    kind: str,
    *,
    low: float | None,
    high: float | None,
    integer: bool | None,
) -> tuple[float, float, bool]:
    """Return the box and grid of inputs: what was said, and where nothing was, what is usual.

    Pictures lie in [0, 1] and sounds in [-1, 1]; counts of events are whole numbers up to the
    largest there is. Bounds are rounded to float32, as the inputs are.

    Args:
        x: The items, ``(N, *shape)``.
        kind: Of the domain.
        low: Smallest legal value.
        high: Largest legal value.
        integer: Whether only whole numbers are legal.
    Raises:
        SettingError: nothing is usual for this kind, or whole numbers that have two meanings.
    """
    if kind == "real" and (low is None or high is None):
        raise SettingError(
            "Real numbers have no usual range: give low= and high=, the smallest and largest legal "
            f"value (here they are {float(x.min()):.4g} to {float(x.max()):.4g})."
        )
    whole = not x.is_floating_point()
    if whole and kind != "events" and high is None and len(x) and int(x.max()) > 1:
        most = 32768 if kind == "audio" else 255
        raise SettingError(
            f"x holds whole numbers of type {x.dtype} up to {int(x.max())}, which can be read in "
            f"two ways: give x / {most} where the network reads numbers up to 1, or high={most} "
            "where it reads levels."
        )
    if integer is None:
        integer = kind == "events" and (whole or bool((x == x.round()).all()))
    low = (-1.0 if kind == "audio" else 0.0) if low is None else low
    if high is None:
        high = float(max(1.0, float(x.max()))) if kind == "events" and len(x) else 1.0
    # Domain refuses what is no number, and says so.
    low, high = (
        float(np.float32(one)) if isinstance(one, int | float) else one for one in (low, high)
    )
    checked = Domain(kind="real", shape=(1,), low=low, high=high, integer=bool(integer))
    return checked.low, checked.high, checked.integer
