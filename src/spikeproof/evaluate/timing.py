"""How much a network depends on the timing of its spikes: jitter, deletion and insertion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, Seeds, SettingError, check_one_of, seeds
from spikeproof.data import EVENT_CORRUPTIONS, Dataset, Domain, Split, corrupt
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.sealed import open_test
from spikeproof.metrics import wilson
from spikeproof.models import spiking_layers

__all__ = ["TimingLevel", "check_timing", "right_draws", "timing"]

# Bounds memory, and never changes a result: draws belong to items.
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class TimingLevel:
    """Accuracy under one strength of random timing noise.

    Args:
        kind: ``"jitter"``, ``"deletion"`` or ``"insertion"``.
        level: Standard deviation in steps, probability, or share of the item's own events.
        accuracy: Share of (item, draw) pairs answered right; a tie is wrong.
        low: Lower end of its 95 % Wilson interval over items.
        high: Upper end.
        items: Test items.
        draws: Independent draws per item.
    """

    kind: str
    level: float
    accuracy: float
    low: float
    high: float
    items: int
    draws: int


def timing(
    model: nn.Module,
    data: Dataset,
    kind: str = "jitter",
    levels: Sequence[float] = (0.0, 0.5, 1.0, 2.0),
    *,
    hidden: bool = False,
    items: int | None = None,
    draws: int = 5,
    seed: int = 0,
) -> tuple[TimingLevel, ...]:
    r"""Measure accuracy under random changes of the timing of spikes.

    ``spikeproof.data.corrupt`` defines the changes; every draw belongs to (seed, item, draw). The
    test items are opened here. An item counts with the share of its draws that are answered right;
    the interval is Wilson's for that many items, so draws of one item are not taken for
    independent trials.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        data: Event data in whole counts; any data with ``hidden``.
        kind: ``"jitter"``, ``"deletion"`` or ``"insertion"``.
        levels: Strengths, each at least 0.
        hidden: Change the spikes of every spiking layer, instead of the events of the input.
        items: Test items; all where absent.
        draws: Draws per item, at least 1.
        seed: Of the draws.
    Returns:
        One entry per level, in the order given.
    Raises:
        SettingError: an unknown kind, no level, no draw, or a level that makes no sense.
        InputError: data without events, or a model without spiking layers where ``hidden``.
    Cost:
        ``len(levels) * draws`` forwards per item.
    Example:
        >>> import spikeproof as sp
        >>> data = sp.load("digits-events")
        >>> model = sp.build("cnn-small", data, width=2)
        >>> still, moved = timing(model, data, "jitter", (0.0, 2.0), items=4, draws=1)
        >>> still.items, 0 <= moved.low <= moved.accuracy <= moved.high <= 1
        (4, True)

    References:
        tian2025ssdp, wilson1927
    """
    split, noise = open_test(data, items), (kind, levels)
    rights = right_draws(model, data, split, noise, hidden=hidden, draws=draws, seed=seed)
    return tuple(
        _level(kind, level, right.double() / draws, draws)
        for level, right in zip(levels, rights, strict=True)
    )


def check_timing(data: Dataset, *, hidden: bool = False) -> None:
    """Raise InputError unless the items hold event counts, or layers are disturbed instead."""
    domain = data.domain
    if not hidden and not (isinstance(domain, Domain) and domain.counts):
        raise InputError(
            f"{data.spec.name} holds {domain.kind}, not event counts, so there is no timing to "
            "change at the input; set hidden to true to change the spikes of the network's layers."
        )


def right_draws(
    model: nn.Module,
    data: Dataset,
    split: Split,
    noise: tuple[str, Sequence[float]],
    *,
    hidden: bool = False,
    draws: int = 5,
    seed: int = 0,
) -> Tensor:
    """Count, per level and item, the draws of :func:`timing` that are answered right.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        data: What the items belong to.
        split: The items, opened.
        noise: Kind and levels.
        hidden: Change the spikes of every spiking layer.
        draws: Draws per item, at least 1.
        seed: Of the draws.
    Returns:
        int64 ``(levels, N)``, each at most ``draws``.
    Raises:
        SettingError: as for :func:`timing`.
        InputError: as for :func:`timing`.
    Cost:
        ``len(levels) * draws`` forwards per item.
    Example:
        >>> import spikeproof as sp
        >>> from spikeproof.evaluate import open_test
        >>> data = sp.load("digits-events")
        >>> model = sp.build("cnn-small", data, width=2)
        >>> right_draws(model, data, open_test(data, 4), ("jitter", (0.0, 1.0)), draws=1).shape
        torch.Size([2, 4])
    """
    kind, levels = noise
    check_one_of(kind, EVENT_CORRUPTIONS, "timing noise")
    if not levels or draws < 1:
        raise SettingError(
            f"timing needs at least one level and one draw; got {list(levels)!r} and {draws!r}."
        )
    check_timing(data, hidden=hidden)
    domain = None if hidden else data.domain
    rights = torch.zeros(len(levels), len(split), dtype=torch.int64)
    for row, level in zip(rights, levels, strict=True):
        for draw in range(draws):
            keys = seeds(seed, items=split.items).child("timing", kind, draw)
            logits = _answers(model, split.x, domain, (kind, level, keys))
            row += margins(logits, split.y) <= 0
    return rights


def _level(kind: str, level: float, shares: Tensor, draws: int) -> TimingLevel:
    """The summary of one level."""
    n, accuracy = len(shares), float(shares.mean())
    low, high = wilson(round(accuracy * n), n)
    return TimingLevel(
        kind=kind,
        level=float(level),
        accuracy=accuracy,
        low=min(low, accuracy),
        high=max(high, accuracy),
        items=n,
        draws=draws,
    )


def _answers(model: nn.Module, x: Tensor, domain: Any, noise: tuple[str, float, Seeds]) -> Tensor:
    """Logits under one draw of the noise, ``(N, K)``."""
    kind, level, keys = noise
    parts = []
    for start in range(0, len(x), _BATCH):
        some, batch_keys = x[start : start + _BATCH], keys[start : start + _BATCH]
        if domain is not None:
            parts.append(plain_logits(model, corrupt(some, domain, kind, level, seeds=batch_keys)))
            continue
        with _noisy_layers(model, kind, level, batch_keys):
            parts.append(plain_logits(model, some))
    return torch.cat(parts)


@contextmanager
def _noisy_layers(model: nn.Module, kind: str, level: float, keys: Seeds) -> Iterator[None]:
    """Change the spikes that every spiking layer sends on."""
    layers = spiking_layers(model)
    if not layers:
        raise InputError("The model has no spiking layers whose spikes could be changed.")

    def changed(name: str) -> Callable[..., Tensor]:
        def hook(layer: nn.Module, args: tuple[Tensor, ...], spikes: Tensor) -> Tensor:
            # Every neuron is a line of its own, whatever the layer's shape.
            lines = spikes.transpose(0, 1).flatten(2)
            shape = tuple(lines.shape[1:])
            domain = Domain(kind="events", shape=shape, high=1.0, integer=True)
            noisy = corrupt(lines, domain, kind, level, seeds=keys.child("layer", name))
            return noisy.reshape_as(spikes.transpose(0, 1)).transpose(0, 1)

        return hook

    handles = [layer.register_forward_hook(changed(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
