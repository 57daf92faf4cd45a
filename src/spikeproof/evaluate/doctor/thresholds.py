"""From which number on a check counts: every threshold of the diagnosis, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from spikeproof.base import SettingError, record_of, settings_from

__all__ = ["Thresholds"]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The number at which each check begins to count, and how the checks make a verdict.

    Shares are of the items that are right when clean. A name that is a check's is the threshold of
    that check, and a check counts where its number lies above it (below, where that is said).

    Args:
        fewest: Right items without which nothing is decided.
        hints: So many hints together make a network suspicious; one alone does not.
        overstated: The claimed attack leaves this share more standing than all attacks together.
        zero_gradient: Items whose gradient is exactly zero.
        unbounded: Items that stand without any bound on the change.
        one_step: Items that one step breaks and many steps do not.
        black_box: Items that a search without gradients breaks and the claimed attack does not.
        random_search: Items that random draws break and the claimed attack does not.
        free_gain: Items that a search without gradients breaks and no attack with gradients does.
        falling: By how much accuracy rises from one radius to the next larger one.
        moved: Items that the claimed attack leaves and the attacks that settle symptoms break,
            together with all others.
        steps: Items that the claimed attack breaks only when it is made longer.
        held_out: Items that other gradient rules break and the network's own does not.
        spread: Largest minus smallest accuracy over the gradient rules.
        expectation: Items that the mean of several draws breaks and single draws do not.
        transfer: Items that inputs made on another network break and the claimed attack does not.
        silent: Items won on the way and lost at the end of the claimed attack.
        rising: Unbroken items whose loss still rose at the end.
        stationarity: Median share of what the gradient promises that it still promises where the
            attack ended; 0 is a first-order stationary point.
        cosine: Mean cosine of successive gradients; it counts below.
        unstable: Relative change of the loss under tiny random changes.
        binarisation: Planted adversarial inputs that the attack finds; it counts below.
        gradient_agreement: Items whose margin moves along the gradient as that says; it counts
            below.
        partial_gradient: How far features without a gradient on any item move the margin, as a
            share of how far all features do.
        layer_agreement: The same, of the currents of the worst layer; it counts below.
        window: Neurons outside the window of the surrogate, in the worst layer and step.
        centre: Distance of the surrogate's centre from the threshold, in widths of the surrogate.
        step_correlation: Mean cosine of the gradients of two time steps; it counts below.
        dead: Neurons that answer the same to every item, in the worst layer.
        ties: Items with two largest logits.
        search_inside: Times that the network asks for gradients while it answers.
        half_precision: Weights of 16 bits or fewer.
        radius_unit: How far the radius lies outside what is usual, as a factor.
        encoded: Items that look like what an encoder made of an input.
        illegal: Given inputs that break the rules of the threat.
        unused: Share of the radius that the given inputs leave unused where they failed.
    Raises:
        SettingError: a number that is none.
    Example:
        >>> Thresholds(overstated=0.2).overstated
        0.2
    """

    fewest: int = 16
    hints: int = 2
    overstated: float = 0.15
    zero_gradient: float = 0.05
    unbounded: float = 0.05
    one_step: float = 0.1
    black_box: float = 0.05
    random_search: float = 0.02
    free_gain: float = 0.05
    falling: float = 0.05
    moved: float = 0.05
    steps: float = 0.05
    held_out: float = 0.15
    spread: float = 0.15
    expectation: float = 0.05
    transfer: float = 0.05
    silent: float = 0.05
    rising: float = 0.5
    stationarity: float = 0.5
    cosine: float = 0.0
    unstable: float = 0.1
    binarisation: float = 0.9
    gradient_agreement: float = 0.7
    partial_gradient: float = 0.2
    layer_agreement: float = 0.6
    window: float = 0.95
    centre: float = 0.5
    step_correlation: float = 0.0
    dead: float = 0.9
    ties: float = 0.05
    encoded: float = 0.5
    search_inside: float = 0.0
    half_precision: float = 0.0
    radius_unit: float = 1.0
    illegal: float = 0.0
    unused: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                raise SettingError(f"Thresholds.{field.name} must be a number; got {value!r}.")
        for name in ("fewest", "hints"):
            value = getattr(self, name)
            if value != int(value) or value < 1:
                raise SettingError(f"Thresholds.{name} must be a whole number; got {value!r}.")

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Thresholds:
        """The thresholds of a record; what it leaves out is as it stands here."""
        return settings_from(cls, record, "thresholds")
