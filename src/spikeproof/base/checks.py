"""The checks every room shares; error sentences are written here so that they sound alike."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.base.errors import InputError, SettingError
from spikeproof.names import SEEDS, printable, suggestion

if TYPE_CHECKING:  # imported where it is used: settings and records need none of it
    from torch import Tensor

__all__ = [
    "check_at_least",
    "check_count",
    "check_finite",
    "check_fraction",
    "check_gradients",
    "check_labels",
    "check_like",
    "check_name",
    "check_one_of",
    "check_positive",
    "check_seed",
    "check_shape",
    "check_share",
    "check_text",
    "check_whole",
    "label_mend",
    "placed",
]


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Begin the sentence of a SettingError raised inside with the place where it is wrong."""
    try:
        yield
    except SettingError as problem:
        raise SettingError(f"{place}: {problem}") from None


def check_one_of(value: str, known: Iterable[str], what: str) -> str:
    """Return ``value`` if it is among ``known``; otherwise raise, naming the nearest."""
    names = list(known)
    if value not in names:
        raise SettingError(f"Unknown {what} {value!r}. {suggestion(str(value), names)}")
    return value


def check_name(name: object, what: str) -> str:
    """Return a name that may become a part of a path; otherwise raise.

    Example:
        >>> check_name("../x", "name of a plan")
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: The name of a plan '../x' must be ...
    """
    allowed = (
        isinstance(name, str)
        and 0 < len(name) <= 100
        and name == printable(name, breaks=False)
        and not set(name) & set("/\\")
        and name[0] not in ".~-"
        and name == name.strip()
        and any(one.isalnum() for one in name)
    )
    if not allowed:
        shown = printable(str(name)[:100], breaks=False)
        raise SettingError(
            f"The {what} {shown!r} must be a name that can be part of a path: up to 100 "
            "characters, a letter or digit among them, no slash, no control character, no space "
            "at the ends, and no '.', '~' or '-' at the front."
        )
    return str(name)


def check_text(text: str, what: str) -> str:
    """Return a name that tables show if a page and a terminal can show it; otherwise raise."""
    if not 0 < len(text) <= 200 or text != printable(text, breaks=False) or not text.strip():
        raise SettingError(
            f"The {what} {printable(text[:80], breaks=False)!r} needs a name of up to 200 "
            "characters that can be shown: no control character, none that turns the direction "
            "of writing."
        )
    return text


def check_positive(settings: object, *names: str) -> None:
    """Raise SettingError unless each named field is a finite number above zero."""
    for name in names:
        value = _number(settings, name)
        if not 0 < value < float("inf"):
            where = type(settings).__name__
            raise SettingError(f"{where}.{name} must be positive and finite; got {value!r}.")


def check_count(settings: object, *names: str, least: int = 1, most: int | None = None) -> None:
    """Raise SettingError unless each named field is a whole number from ``least`` to ``most``.

    Settings go into records and their repr rebuilds them, so a whole number of NumPy becomes one
    of Python.
    """
    for name in names:
        value = getattr(settings, name)
        what = f"{type(settings).__name__}.{name}"
        whole = check_at_least(least, value, what)
        if most is not None and whole > most:
            raise SettingError(f"{what} must be a whole number <= {most}; got {value!r}.")
        if type(value) is not int:
            object.__setattr__(settings, name, whole)


def check_at_least(least: int, value: object, what: str) -> int:
    """Return ``value`` as an ``int`` if it is whole and at least ``least``; otherwise raise."""
    whole = _whole(value)
    if whole is None or whole < least:
        raise SettingError(f"{what} must be a whole number >= {least}; got {value!r}.")
    return whole


def check_seed(value: object, what: str = "seed") -> int:
    """Return a seed as an ``int`` if it is a whole number of 64 bits; otherwise raise.

    Example:
        >>> check_seed(np.int64(3))
        3
        >>> check_seed(0.9)
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: seed must be a whole number of 64 bits; got 0.9.
    """
    whole = _whole(value)
    if whole is None or not SEEDS[0] <= whole <= SEEDS[1]:
        raise SettingError(f"{what} must be a whole number of 64 bits; got {value!r}.")
    return whole


def check_whole(value: object, what: str) -> int:
    """Return a whole number of any library as an ``int``; otherwise raise."""
    whole = _whole(value)
    if whole is None:
        raise SettingError(f"{what} must be a whole number; got {value!r}.")
    return whole


def check_fraction(settings: object, *names: str) -> None:
    """Raise SettingError unless each named field lies in [0, 1]."""
    for name in names:
        value = _number(settings, name)
        if not 0 <= value <= 1:
            where = type(settings).__name__
            raise SettingError(f"{where}.{name} must lie in [0, 1]; got {value!r}.")


def _whole(value: object) -> int | None:
    """A whole number, also one of NumPy or a tensor's, as an int; None for anything else."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _number(settings: object, name: str) -> Any:
    """The number that a field holds; one of NumPy becomes one of Python, as records need it."""
    value = getattr(settings, name)
    if isinstance(value, np.generic):
        value = value.item()
        object.__setattr__(settings, name, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingError(f"{type(settings).__name__}.{name} must be a number; got {value!r}.")
    return value


def check_share(settings: object, name: str) -> None:
    """Raise SettingError unless a share of the radius is positive and finite.

    A share such as 2/255, which looks like a length in 8-bit steps, gets a warning.
    """
    check_positive(settings, name)
    value = getattr(settings, name)
    levels = round(value * 255)
    if levels <= 16 and abs(value * 255 - levels) < 1e-6:
        where = f"{type(settings).__name__}.{name}"
        warnings.warn(
            f"{where} is a share of the radius, and {value:.4g} looks like the length {levels}/255;"
            f" divide a length by the radius: {name}=({levels}/255)/radius.",
            stacklevel=4,
        )


def check_gradients(what: str, weights: Iterable[Tensor] = ()) -> None:
    """Raise InputError where torch's inference mode leaves no gradient to ask for."""
    import torch

    if torch.is_inference_mode_enabled():
        raise InputError(
            f"{what} needs gradients, and torch.inference_mode() allows none; make the call "
            "outside of it. Nothing is tracked beyond the call."
        )
    if any(weight.is_inference() for weight in weights):
        raise InputError(
            f"{what} needs gradients, and the model's weights were made inside "
            "torch.inference_mode(), which allows none; build or load the model outside of it."
        )


def check_finite(x: Tensor, what: str) -> Tensor:
    """Return ``x`` if every entry is finite; otherwise raise, naming the first bad item."""
    import torch

    from spikeproof.base.finite import all_finite

    if not all_finite(x):
        bad = ~torch.isfinite(x.detach())
        items = bad.flatten(1).any(1).nonzero().flatten() if x.ndim > 1 else bad.nonzero().flatten()
        raise InputError(
            f"{what} holds {int(bad.sum())} values that are not finite, first in item "
            f"{int(items[0])}; mend or drop these items."
        )
    return x


def check_shape(x: Tensor, shape: Sequence[int], what: str) -> Tensor:
    """Return ``x`` if it is ``(N, *shape)``; otherwise raise with both shapes."""
    if tuple(x.shape[1:]) != tuple(shape):
        wanted = "(N, " + ", ".join(map(str, shape)) + ")"
        raise InputError(
            f"{what} must have shape {wanted}, items first; got {tuple(x.shape)}. "
            "Transpose or reshape it before the call."
        )
    return x


def check_like(x: Tensor, weight: Tensor, what: str) -> Tensor:
    """Return ``x`` if it has type and device of ``weight``; otherwise raise with both."""
    if x.dtype != weight.dtype or x.device != weight.device:
        kind = str(weight.dtype).removeprefix("torch.")
        raise InputError(
            f"{what} must be {weight.dtype} on {weight.device} like the weights; got {x.dtype} on "
            f"{x.device}. Convert it with .to({str(weight.device)!r}, torch.{kind}), or the "
            "network likewise."
        )
    return x


def check_labels(y: Tensor, classes: int, n: int | None = None) -> Tensor:
    """Return ``y`` if it holds integer class labels in [0, classes); otherwise raise."""
    import torch

    if y.ndim != 1 or y.is_floating_point() or y.dtype == torch.bool:
        raise InputError(
            f"Labels must be integers of shape (N,); got {y.dtype} of shape {tuple(y.shape)}. "
            f"{label_mend(y)}"
        )
    if n is not None and len(y) != n:
        raise InputError(f"Got {len(y)} labels for {n} items; each item needs one label.")
    if len(y) and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise InputError(
            f"Labels must lie in 0..{classes - 1}; got {int(y.min())}..{int(y.max())}. "
            "Check that the labels and the model belong to the same data set."
        )
    return y


def label_mend(y: Tensor) -> str:
    """Say how labels of another shape or type become class numbers.

    Example:
        >>> import torch
        >>> label_mend(torch.zeros(4, 1, dtype=torch.int64))
        'Drop the second axis with squeeze(1).'
    """
    if y.ndim == 2 and y.shape[1] == 1:
        return "Drop the second axis with squeeze(1)."
    if y.ndim == 2:
        return "Turn one-hot labels into class numbers with argmax(1)."
    if y.ndim == 1 and y.is_floating_point():
        return "Convert whole numbers with .long(); fractions are no classes."
    return "Give one class number per item."
