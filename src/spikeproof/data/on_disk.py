"""Items that stay on disk until they are asked for: a tensor that reads its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

__all__ = ["ItemsOnDisk", "blocks"]

_BLOCK = 1 << 26  # bytes of floats that a look through all items takes at a time


class ItemsOnDisk(Tensor):
    """Inputs ``(N, *shape)`` that are read and converted when rows of them are asked for.

    Shape, type and length are known at once. ``x[rows]`` reads these rows and returns a plain
    tensor; every other operation reads all of them first, as it would for any tensor. Rows are
    read anew each time, so what is done to a returned tensor changes nothing here.

    Args:
        stored: Every item of the set as stored, in a file that is mapped into memory.
        items: Which of them these are, in order.
        shape: Of one input.
        values: What turns stored items into inputs, float32.
    Cost:
        The memory of the rows that are asked for, whatever the size of the set.
    Example:
        >>> stored = torch.arange(6, dtype=torch.uint8).view(3, 2)
        >>> x = ItemsOnDisk(stored, torch.tensor([2, 0]), (2,), lambda part: part.float() / 2)
        >>> x.shape, x[0].tolist(), x[1:].tolist(), float(x.sum())
        (torch.Size([2, 2]), [2.0, 2.5], [[0.0, 0.5]], 5.0)
    """

    # What is not redefined here goes through __torch_dispatch__.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    stored: Tensor
    items: Tensor
    convert: Callable[[Tensor], Tensor]

    def __new__(
        cls,
        stored: Tensor,
        items: Tensor,
        shape: tuple[int, ...],
        values: Callable[[Tensor], Tensor],
    ) -> Self:
        """Make a tensor that holds no values."""
        made: Self = Tensor._make_wrapper_subclass(cls, (len(items), *shape), dtype=torch.float32)
        made.stored, made.items, made.convert = stored, items, values
        return made

    def __init__(
        self,
        stored: Tensor,
        items: Tensor,
        shape: tuple[int, ...],
        values: Callable[[Tensor], Tensor],
    ) -> None:
        """Everything was set when it was made."""

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read everything, then do what was asked."""
        plain, named = tree_map_only(cls, cls.read, (args, dict(kwargs or {})))
        return func(*plain, **named)

    def read(self, which: Any = slice(None)) -> Tensor:
        """Return the inputs of some rows, a plain tensor."""
        items = self.items[which]
        if items.ndim == 0:
            return self.convert(self.stored[items[None]])[0]
        return self.convert(self.stored[items])

    def __getitem__(self, which: Any) -> Tensor:
        """Rows by number, slice, positions or mask; anything finer reads all rows first."""
        plain = isinstance(which, int | slice | Tensor) and not isinstance(which, ItemsOnDisk)
        if plain and not (isinstance(which, Tensor) and which.ndim > 1):
            return self.read(which)
        return self.read()[which]

    def __iter__(self) -> Iterator[Tensor]:
        """Row by row."""
        return (self.read(number) for number in range(len(self)))

    def __repr__(self) -> str:  # type: ignore[override]
        return f"ItemsOnDisk(shape={tuple(self.shape)})"

    def numpy(self, *, force: bool = False) -> Any:
        """All rows as an array."""
        return self.read().numpy(force=force)


def blocks(x: Tensor) -> Iterator[Tensor]:
    """Yield all rows of a tensor in turn: at once where they are in memory, else in blocks.

    Example:
        >>> [len(part) for part in blocks(torch.zeros(5, 2))]
        [5]
    """
    if not isinstance(x, ItemsOnDisk):
        yield x
        return
    rows = max(1, _BLOCK // max(1, 4 * x[:1].numel()))
    for first in range(0, len(x), rows):
        yield x[first : first + rows]
