"""Labels as users have them, and the class numbers that they mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spikeproof.base.checks import label_mend
from spikeproof.base.errors import InputError

__all__ = ["class_numbers"]


def class_numbers(y: object, n: int | None = None, what: str = "Labels") -> Tensor:
    """Return labels as class numbers, int64 ``(N,)``, where they have one meaning.

    Args:
        y: A tensor, an array or a list: whole numbers of any type, ``(N,)`` or ``(N, 1)``, or
            one-hot rows ``(N, K)`` of any type, in which exactly one entry is 1 and all others 0.
        n: How many there must be; any number where absent.
        what: What to call them in an error.
    Raises:
        InputError: anything else, such as probabilities, fractions or negative numbers.
    Example:
        >>> class_numbers(np.array([[2], [0]], dtype=np.uint8))
        tensor([2, 0])
        >>> class_numbers(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        tensor([1, 0])
        >>> class_numbers([0.5, 1.0])
        Traceback (most recent call last):
        spikeproof.base.errors.InputError: Labels must be integers of shape (N,); got \
torch.float64 of shape (2,). Convert whole numbers with .long(); fractions are no classes.
    """
    values = _tensor(y, what)
    whole = not values.is_floating_point()
    if values.ndim == 2 and values.shape[1] > 1 and _one_hot(values):
        numbers = values.to(torch.uint8).argmax(1)
    elif whole and values.ndim == 2 and values.shape[1] == 1:
        numbers = values[:, 0].long()
    elif whole and values.ndim == 1:
        numbers = values.long()
    else:
        raise InputError(
            f"{what} must be integers of shape (N,); got {values.dtype} of shape "
            f"{tuple(values.shape)}. {label_mend(values)}"
        )
    if n is not None and len(numbers) != n:
        raise InputError(f"Got {len(numbers)} labels for {n} items; each item needs one label.")
    if len(numbers) and int(numbers.min()) < 0:
        raise InputError(
            f"{what} must be class numbers from 0 on; got {int(numbers.min())} at item "
            f"{int(numbers.argmin())}. Drop unlabelled items, or number the classes from 0."
        )
    return numbers


def _tensor(y: object, what: str) -> Tensor:
    """Labels as a tensor of plain numbers."""
    if isinstance(y, Tensor):
        if y.is_complex():
            raise InputError(f"{what} must be integers of shape (N,); got {y.dtype}.")
        return y.detach()
    try:
        array = np.asarray(y)
    except ValueError:  # rows of several lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind == "u":
        small = array.size == 0 or int(array.max()) < 1 << 62
        array = array.astype(np.int64) if small else array.astype(object)
    if array.dtype.kind not in "bif":
        raise InputError(
            f"{what} must be integers of shape (N,); got {type(y).__name__} of type "
            f"{array.dtype}. Number the classes from 0, such as with "
            "np.unique(y, return_inverse=True)[1]."
        )
    # A copy in the byte order of the machine: torch knows no other.
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _one_hot(values: Tensor) -> bool:
    """Whether every row has exactly one 1 and otherwise zeros."""
    ones = values == 1
    return bool((ones | (values == 0)).all() and (ones.sum(1) == 1).all())
