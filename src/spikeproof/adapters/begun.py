"""State of an earlier batch that a network still holds, found and begun anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikeproof.adapters.kept import Kept
from spikeproof.adapters.memory import ModuleState

__all__ = ["begin_anew"]

_SIZES = 6  # numbers of items that are tried
_LARGEST = 1024
_AXES = 2


def begin_anew(memory: ModuleState, ask: Callable[[int], Any], rows: int) -> tuple[str, ...]:
    """Let state of an earlier batch begin anew in every pass, whatever its number of items.

    A network that holds membranes of shape ``(33, H)`` answers 33 items and no others. What is
    state and what is constant is found by asking: a call moves state, and one axis of what is
    there then has the length of the batch, whatever that is. Its rows begin with zeros; rows that
    are all the same, as where it was made before any call, begin as they are.

    Args:
        memory: What the network holds; the state found is begun anew by its ``restore``.
        ask: Shows the network so many items.
        rows: How many are to be tried first.
    Returns:
        What had begun, ``"mem (33, 32)"``, without what was the same for every item.
    Cost:
        None where the network holds no tensor beside parameters and torch's own buffers; one or two
        passes where it does, and up to six more where it does not answer.
    """
    for size in (rows, *_sizes(memory)):
        found = _moved(memory, ask, size)
        if found is None:
            continue
        for number in range(_AXES):
            if state := _checked(memory, ask, size, _with_axes(found, size, number)):
                return tuple(
                    f"{name} {tuple(kept.first.shape)}"
                    for name, kept in state.items()
                    if not kept.uniform
                )
        return ()
    return ()


def _sizes(memory: ModuleState) -> list[int]:
    """Batches that the tensors held may come from, likely ones first."""
    shapes = [kept.values.shape for _, kept in memory.held()]
    first = [shape[0] for shape in shapes if len(shape) > 1]
    every = [length for shape in shapes for length in shape]
    likely = [n for n in dict.fromkeys([*first, *every]) if 1 < n <= _LARGEST]
    return likely[:_SIZES]


def _moved(
    memory: ModuleState, ask: Callable[[int], Any], rows: int
) -> list[tuple[str, Kept, Any]] | None:
    """Tensors in whose place a call puts others; None where the network does not answer."""
    if not any(True for _ in memory.held()):
        return []
    memory.restore(rows)
    try:
        ask(rows)
    except Exception:  # whatever a network makes of a batch that does not fit its state
        return None
    else:
        return list(memory.replaced())
    finally:
        memory.restore(rows)


def _with_axes(
    found: list[tuple[str, Kept, Any]], rows: int, number: int
) -> dict[str, tuple[Kept, int | None]]:
    """State of a batch, each with its axis of items: of several that may be it, one by number."""
    state: dict[str, tuple[Kept, int | None]] = {}
    for name, kept, now in found:
        then = kept.first.shape
        if not isinstance(now, Tensor) or now.ndim != len(then):
            continue
        other = [axis for axis, n in enumerate(then) if n != now.shape[axis]]
        axes = other or [axis for axis, n in enumerate(then) if n == rows]
        # One row is stretched to any batch by arithmetic: a beginning, and none of a batch.
        if axes and len(other) < 2 and then[axes[0]] > 1:
            state[name] = kept, axes[min(number, len(axes) - 1)]
    return state


def _checked(
    memory: ModuleState,
    ask: Callable[[int], Any],
    rows: int,
    state: dict[str, tuple[Kept, int | None]],
) -> dict[str, Kept]:
    """Those of the state whose axis has another length in another batch, which begin anew now."""
    if not state:
        return {}
    memory.fit(state)
    again = {name: now for name, _, now in _moved(memory, ask, rows + 1) or []}
    found = {}
    for name, (kept, axis) in state.items():
        now = again.get(name)
        if (
            axis is not None
            and isinstance(now, Tensor)
            and now.shape[axis : axis + 1] == (rows + 1,)
        ):
            found[name] = kept
        else:
            memory.fit({name: (kept, None)})
    memory.restore(rows)
    return found
