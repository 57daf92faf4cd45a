"""Filters of event noise in front of a network: defences that are to be attacked through."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_at_least, check_one_of
from spikeproof.neurons import draw_uniform

__all__ = ["BackgroundActivity", "EventFilter", "RateLimit", "Refractory"]

_GRADIENTS = ("relaxed", "straight-through", "none")


class EventFilter(nn.Module):
    r"""Drops events that look like noise; put it in front of a network, ``nn.Sequential(f, net)``.

    A filter decides about whole events, so its derivative is 0 nearly everywhere. That protects
    nothing, and hides the way to the input from an attack that follows gradients. By ``gradient``,

    - ``"relaxed"``: the derivative of the filter's formula, read for real counts; it knows that
      one event may open or close the way of another;
    - ``"straight-through"``: the derivative is taken as 1, also where an event is dropped;
    - ``"none"``: 0, as in a pipeline that filters before the network sees anything.

    The first is the default: attacks go through the filter by it, and break more than by the
    second where events compete. The last shows what a naive evaluation would say: every attack by
    gradients stands still.

    Args:
        gradient: What stands in for the derivative.
    Raises:
        SettingError: another gradient.
        InputError: events that are not ``(N, T, ...)``.
    """

    def __init__(self, gradient: str = "relaxed") -> None:
        super().__init__()
        self.gradient = check_one_of(gradient, _GRADIENTS, f"{type(self).__name__}.gradient")

    @abstractmethod
    def passed(self, x: Tensor) -> Tensor:
        """The events that come through, ``(T, N, ...)`` for ``(T, N, ...)``."""

    @abstractmethod
    def relaxed(self, x: Tensor) -> Tensor:
        """The same formula where ``x`` is real, with a derivative."""

    def forward(self, x: Tensor) -> Tensor:
        """The events that come through, ``(N, T, ...)`` for ``(N, T, ...)``."""
        if x.ndim not in (3, 5) or not x.is_floating_point():
            raise InputError(
                f"{type(self).__name__} needs event counts (N, T, C, H, W) or (N, T, lines) of a "
                f"floating-point type; got {x.dtype} of shape {tuple(x.shape)}."
            )
        with torch.no_grad():
            out = self.passed(x.transpose(0, 1)).transpose(0, 1)
        if not (x.requires_grad and torch.is_grad_enabled()):
            return out
        if self.gradient == "relaxed":
            near = self.relaxed(x.transpose(0, 1)).transpose(0, 1)
            return out + (near - near.detach())
        return out + (x - x.detach()) * (self.gradient == "straight-through")


class BackgroundActivity(EventFilter):
    r"""Keeps an event only if a neighbour was active just before.

    An event at pixel p and step t comes through if at least ``support`` cells among the
    neighbours of p, up to ``radius`` away in each direction and without p itself, hold an event of
    any polarity in the steps t - ``window`` to t.

    Args:
        radius: How far neighbours are, in pixels or lines, at least 1.
        window: Earlier steps that count too.
        support: Active cells that it takes.
        gradient: As for :class:`EventFilter`.
    Raises:
        SettingError: a number that is no whole one, or too small.
    Cost:
        One sum over neighbours.
    Example:
        >>> x = torch.zeros(1, 1, 1, 3, 4)
        >>> x[0, 0, 0, 1, :2] = x[0, 0, 0, 0, 3] = 1
        >>> BackgroundActivity()(x)[0, 0, 0].tolist()
        [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]

    References:
        delbruck2008
    """

    def __init__(
        self,
        radius: int = 1,
        window: int = 1,
        support: int = 1,
        *,
        gradient: str = "relaxed",
    ) -> None:
        super().__init__(gradient)
        self.radius = check_at_least(1, radius, "BackgroundActivity: radius")
        self.window = check_at_least(0, window, "BackgroundActivity: window")
        self.support = check_at_least(1, support, "BackgroundActivity: support")

    def passed(self, x: Tensor) -> Tensor:
        """The events with active neighbours."""
        # The average leaves whole numbers up to rounding.
        return x * (self._support((x > 0).to(x)) > self.support - 0.5)

    def relaxed(self, x: Tensor) -> Tensor:
        """Events times the share of the support that they have, at most 1."""
        return x * (self._support(x.clamp(0, 1)) / self.support).clamp(max=1)

    def _support(self, x: Tensor) -> Tensor:
        """How many neighbours of a cell were active, ``(T, N, ...)``; a place for all channels."""
        lines = x.ndim == 3
        active = x if lines else x.amax(2)
        flat, side = active.flatten(0, 1)[:, None], 2 * self.radius + 1
        pool = nn.functional.avg_pool1d if lines else nn.functional.avg_pool2d
        # A sum over the square, padded with silence, without its middle.
        around = pool(flat, side, 1, self.radius) * side ** (1 if lines else 2)
        near = (around - flat).view(active.shape)
        total = near
        for back in range(1, min(self.window, len(near) - 1) + 1):
            total = total + torch.cat([torch.zeros_like(near[:back]), near[:-back]])
        return total if lines else total.unsqueeze(2)


class Refractory(EventFilter):
    r"""Lets a line, a pixel with a polarity, rest after each event that came through.

    .. math:: y[t] = \min(x[t], 1) \cdot 1[y[t - 1] = \dots = y[t - R] = 0]

    Args:
        steps: R, how long a line rests; with 0 only further events of the same step are dropped.
        gradient: As for :class:`EventFilter`.
    Raises:
        SettingError: steps that are no whole number of at least 0.
    Example:
        >>> Refractory(1)(torch.tensor([[[1.0], [1.0], [2.0]]])).flatten().tolist()
        [1.0, 0.0, 1.0]

    References:
        delbruck2008
    """

    def __init__(self, steps: int = 1, *, gradient: str = "relaxed") -> None:
        super().__init__(gradient)
        self.steps = check_at_least(0, steps, "Refractory: steps")

    def passed(self, x: Tensor) -> Tensor:
        """The first event of each line, and those after a rest."""
        out = torch.zeros_like(x)
        for t in range(len(x)):
            tired = out[max(0, t - self.steps) : t].sum(0) > 0
            out[t] = x[t].clamp(max=1) * ~tired
        return out

    def relaxed(self, x: Tensor) -> Tensor:
        """The same product, with 1 - y in the place of the condition that y is 0."""
        out: list[Tensor] = []
        for now in x.clamp(0, 1):
            for before in out[max(0, len(out) - self.steps) :]:
                now = now * (1 - before)
            out.append(now)
        return torch.stack(out)


class RateLimit(EventFilter):
    r"""Lets through at most so many events of a line in any so many steps.

    .. math:: y[t] = \min\Big(x[t],\ n - \sum_{i=1}^{W-1} y[t - i]\Big)

    By chance, every event comes through with probability :math:`\min(1, n / \sum_{i<W} x[t - i])`
    instead, so that nobody knows which: the expected rate is limited, and evaluation judges by
    fixed draws of each item. Attacks then average over draws (``Expectation``).

    Args:
        most: n, events at least 1.
        steps: W, at least 1.
        by_chance: Whether chance decides which events come through.
        gradient: As for :class:`EventFilter`.
    Raises:
        SettingError: a number that is no whole one, or too small.
    Example:
        >>> RateLimit(2, 2)(torch.tensor([[[1.0], [3.0], [1.0]]])).flatten().tolist()
        [1.0, 1.0, 1.0]

    References:
        athalye2018
    """

    def __init__(
        self,
        most: int = 1,
        steps: int = 1,
        *,
        by_chance: bool = False,
        gradient: str = "relaxed",
    ) -> None:
        super().__init__(gradient)
        self.most = check_at_least(1, most, "RateLimit: most")
        self.steps = check_at_least(1, steps, "RateLimit: steps")
        self.by_chance = by_chance

    def passed(self, x: Tensor) -> Tensor:
        """The events within the limit."""
        if self.by_chance:
            return self._drawn(x)
        out = torch.zeros_like(x)
        for t in range(len(x)):
            spent = out[max(0, t - self.steps + 1) : t].sum(0)
            out[t] = torch.minimum(x[t], (self.most - spent).clamp(min=0))
        return out

    def relaxed(self, x: Tensor) -> Tensor:
        """The same minimum; by chance, what is expected to come through."""
        if self.by_chance:
            return x * self._share(x)
        out: list[Tensor] = []
        for now in x:
            spent = sum(out[max(0, len(out) - self.steps + 1) :], torch.zeros_like(now))
            out.append(torch.minimum(now, (self.most - spent).clamp(min=0)))
        return torch.stack(out)

    def _share(self, x: Tensor) -> Tensor:
        """With which probability the events of each cell come through."""
        total = torch.stack([x[max(0, t - self.steps + 1) : t + 1].sum(0) for t in range(len(x))])
        return (self.most / total.clamp(min=1)).clamp(max=1)

    def _drawn(self, x: Tensor) -> Tensor:
        """Of the events in a cell, how many chance lets through."""
        if (x != x.round()).any():
            raise InputError("RateLimit by chance draws for whole events; x holds fractions.")
        share = self._share(x)
        # One draw of so many times the steps: the first of them do not depend on the batch.
        events = max(1, int(x.max()) if x.numel() else 1)
        draws = draw_uniform(share.repeat(events, *(1,) * (x.ndim - 1))).view(events, *x.shape)
        each = torch.arange(events, device=x.device).view(-1, *(1,) * x.ndim)
        return ((draws < share) & (x > each)).sum(0).to(x)
