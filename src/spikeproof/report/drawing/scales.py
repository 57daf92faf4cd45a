"""Scales: from numbers to places on a sheet, and the ticks that tell them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Scale", "linear", "logarithmic", "tick_text"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Numbers on a line.

    Args:
        low: Number at ``start``; of a broken scale the smallest beyond the break.
        high: Number at ``end``.
        start: Place of ``low``, pixels.
        end: Place of ``high``.
        ticks: ``(number, text)``.
        log: Whether equal ratios are equally far apart.
        zero: Where a broken logarithmic scale shows 0; None where it does not.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False
    zero: float | None = None

    @property
    def start_of_axis(self) -> float:
        """Where the axis begins: before the break of a broken scale."""
        return (
            self.start
            if self.zero is None
            else self.zero - 6 * (1 if self.end > self.start else -1)
        )

    def at(self, value: float) -> float:
        """The place of a number; what lies outside stays at the end."""
        if self.log and value <= 0:
            return self.start if self.zero is None else self.zero
        turned = math.log10 if self.log else float
        low, high = turned(self.low), turned(self.high)
        share = (turned(value) - low) / (high - low or 1.0)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def linear(
    low: float, high: float, start: float, end: float, *, ticks: Sequence[float] = ()
) -> Scale:
    """A scale of equal steps.

    Args:
        low: Smallest number.
        high: Largest number.
        start: Where the smallest stands.
        end: Where the largest stands.
        ticks: Where to put ticks; about five round numbers where none are given.
    Example:
        >>> [text for _, text in linear(0.0, 1.0, 0.0, 200.0).ticks]
        ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    high = high if high > low else low + 1.0
    kept = ticks or _round_ticks(low, high)
    named = tuple((value, tick_text(value)) for value in kept)
    return Scale(low=low, high=high, start=start, end=end, ticks=named)


def _round_ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, four to seven of them."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= 0.999 * rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def logarithmic(low: float, high: float, start: float, end: float, *, zero: bool = False) -> Scale:
    """A scale of equal ratios, with a little room at both ends and at most about six ticks.

    Args:
        low: Smallest number, positive.
        high: Largest number.
        start: Where the scale begins.
        end: Where it ends.
        zero: Whether 0 is shown too, before a break.
    Example:
        >>> [text for _, text in logarithmic(0.9, 110.0, 0.0, 200.0).ticks]
        ['1', '3', '10', '30', '100']
    """
    first, last = math.log10(low), math.log10(high)
    pad = max(0.04 * (last - first), 0.05)
    first, last = first - pad, last + pad
    kept = _powers(first, last)
    if len(kept) < 3:  # less than a power of ten in all
        kept = [tick for tick in _round_ticks(10.0**first, 10.0**last) if tick > 0]
    named = [(tick, tick_text(tick)) for tick in kept]
    place = start + math.copysign(6, end - start) if zero else None
    if zero:
        named.insert(0, (0.0, "0"))
        start += 0.14 * (end - start)
    ends = {"low": 10.0**first, "high": 10.0**last, "start": start, "end": end}
    return Scale(**ends, ticks=tuple(named), log=True, zero=place)


def _powers(first: float, last: float) -> list[float]:
    """At most about six powers of ten between two exponents; of few also what lies between them."""
    wide = last - first
    steps = (1.0,) if wide > 3 else (1.0, 3.0) if wide > 2 else (1.0, 2.0, 5.0)
    stride = max(1, math.ceil(wide / 6)) if len(steps) == 1 else 1
    ticks = [
        step * 10.0**power
        for power in range(math.floor(first), math.ceil(last) + 1)
        if power % stride == 0
        for step in steps
    ]
    return [tick for tick in ticks if first <= math.log10(tick) <= last]


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def tick_text(value: float) -> str:
    """A tick as text: plain where that is short, else a power of ten.

    Example:
        >>> tick_text(0.25), tick_text(1e-6), tick_text(-5.0)
        ('0.25', '10⁻⁶', '−5')
    """
    if value == 0 or 0.01 <= abs(value) < 10000:
        return f"{value:.4g}".replace("-", "−")
    power = round(math.log10(abs(value)))
    if math.isclose(value, 10.0**power):
        return "10" + str(power).translate(_RAISED)
    mantissa, exponent = f"{value:.2e}".split("e")
    shown = f"{float(mantissa):g}".replace("-", "−")
    return f"{shown}×10{str(int(exponent)).translate(_RAISED)}"
