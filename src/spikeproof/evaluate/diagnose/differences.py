"""What two answers that ought to be equal show: how far they are apart, and the flag of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spikeproof.evaluate.diagnose.flag import Flag

__all__ = [
    "differing",
    "listed",
    "mates_flag",
    "most",
    "places_flag",
    "randomness_flag",
    "state_flag",
]

_ROUNDING = 1e-5


def differing(a: Tensor, b: Tensor) -> Tensor | None:
    """Which rows differ by more than rounding, bool ``(N,)``; None if none does."""
    if a.shape != b.shape:
        return torch.ones(len(a), dtype=torch.bool)
    one, two = a.double(), b.double()
    scale = 1e-30 + torch.maximum(one.abs(), two.abs()).nan_to_num(0, 0, 0).amax(1, keepdim=True)
    near = ((one - two).abs() <= _ROUNDING * scale) | (one == two) | (one.isnan() & two.isnan())
    rows = ~near.all(1)
    return rows if rows.any() else None


def most(a: Tensor, b: Tensor) -> float:
    """The largest difference of two answers."""
    return float((a - b).abs().nan_to_num(0).max()) if a.shape == b.shape else float("nan")


def listed(names: list[str], limit: int = 4) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def state_flag(
    first: Tensor, second: Tensor, rows: Tensor, names: list[str], begun: Sequence[str]
) -> Flag:
    """The flag of a network that remembers the last call."""
    held = f"It came with {listed(list(begun))} of an earlier batch. " if begun else ""
    where = f"{listed(names)} kept the call before" if names else "something kept the call before"
    return Flag(
        name="state",
        stop=True,
        seen=f"{held}The same {len(rows)} inputs were answered twice, and {int(rows.sum())} "
        f"answers differ, by up to {most(first, second):.3g}, {_turned(first, second)} in their "
        f"class; {where}, and with it put back the answers are equal.",
        why="This is state, not chance: an attack would meet another network at every step, and "
        "what it finds breaks none of them.",
        mend="Reset the network at the start of its forward pass, or wrap it: sp.adapt(model) does "
        "so before every call.",
    )


def randomness_flag(first: Tensor, second: Tensor, rows: Tensor, whence: str | None) -> Flag:
    """The flag of a network that answers by chance; None where nothing says whence."""
    if whence is None:
        cause = "neither its attributes nor any global generator account for it, put back both"
        why = "An attack meets another network at every step, and nobody can say which."
        mend = "Keep state in attributes and draw from torch's generator, or do neither."
    else:
        cause = f"its attributes do not account for it, draws from the generator of {whence} do"
        why = "One draw decides whether an item counts as broken, so the number varies with it."
        mend = (
            "Draw with spikeproof.neurons.draw_uniform or draw_normal, whose draws belong to "
            "items; suites then attack the mean of ten draws."
        )
    return Flag(
        name="randomness",
        stop=whence is None,
        seen=f"The same {len(rows)} inputs were answered twice, and {int(rows.sum())} answers "
        f"differ, by up to {most(first, second):.3g}, {_turned(first, second)} in their class; "
        f"{cause}.",
        why=why,
        mend=mend,
    )


def mates_flag(first: Tensor, other: Tensor, rows: Tensor) -> Flag:
    """The flag of a network whose answer to an item depends on what stands beside it."""
    return Flag(
        name="batch",
        stop=True,
        seen=f"With other items beside them, {int(rows.sum())} of {len(rows)} items had other "
        f"logits, by up to {most(first, other):.3g}, and {_turned(first, other)} another class.",
        why="What an item loses to an attack then depends on the batch that it comes in.",
        mend="Put batch statistics in evaluation mode (model.eval(), training=False), and "
        "take no mean over the batch axis.",
    )


def places_flag(first: Tensor, other: Tensor, rows: Tensor) -> Flag:
    """The flag of a network whose answer to an item depends on where in the batch it stands."""
    return Flag(
        name="batch",
        stop=True,
        seen=f"In other places of the batch, {int(rows.sum())} of {len(rows)} items had other "
        f"logits, by up to {most(first, other):.3g}, and {_turned(first, other)} another class.",
        why="What an item loses to an attack then depends on where in a batch it comes.",
        mend="Draw noise per item with spikeproof.neurons.draw_uniform or draw_normal, and begin "
        "no generator anew inside the forward pass.",
    )


def _turned(a: Tensor, b: Tensor) -> int:
    """How many answers differ in their class."""
    return int((a.argmax(1) != b.argmax(1)).sum()) if a.shape == b.shape else len(a)
