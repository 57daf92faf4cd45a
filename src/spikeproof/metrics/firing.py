"""How often the spiking units of a model fire, and which never or always do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikeproof.base import MOST_ROWS, BatchSize, InputError, check_at_least
from spikeproof.models import evaluating, home_of, spiking_layers
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["Activity", "activity"]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Firing of one spiking layer over a sample.

    Args:
        rate: Spikes per unit, step and item, in [0, 1].
        dead: Share of units that never fire on the sample.
        saturated: Share of units that fire at every step of every item.
        units: How many units the layer has.
    """

    rate: float
    dead: float
    saturated: float
    units: int


class _Count:
    """Adds up the spikes of one layer, unit by unit."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spikes: Tensor | None = None
        self.chances = 0

    def __call__(self, module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        fired = (out.detach() > 0).sum((0, 1), dtype=torch.int64)
        if self.spikes is not None and self.spikes.shape != fired.shape:
            raise InputError(
                f"Layer {self.name!r} was called with {tuple(self.spikes.shape)} and then with "
                f"{tuple(fired.shape)} units; its activity has no meaning."
            )
        self.spikes = fired if self.spikes is None else self.spikes + fired
        self.chances += out.shape[0] * out.shape[1]

    def summary(self) -> Activity | None:
        """What was counted; None if the layer was never called."""
        if self.spikes is None:
            return None
        units = self.spikes.numel()
        return Activity(
            rate=float(self.spikes.sum()) / (units * self.chances),
            dead=float((self.spikes == 0).sum()) / units,
            saturated=float((self.spikes == self.chances).sum()) / units,
            units=units,
        )


def activity(
    model: nn.Module,
    x: Tensor,
    *,
    items: Tensor | None = None,
    batch_size: int | BatchSize = MOST_ROWS,
) -> dict[str, Activity]:
    """Measure the firing of every spiking layer on a sample of inputs.

    A unit counts as dead or saturated over the whole sample, not per item or batch. A stochastic
    network is shown once, with the draws by which evaluation judges the items.

    Args:
        model: Any module that contains ``Spiking`` layers.
        x: Inputs, ``(N, *shape)``, N at least 1, on any device.
        items: Numbers of the items, int64 ``(N,)``, to which draws belong; 0..N-1 where absent.
        batch_size: Items per forward pass; it never changes the result.
    Returns:
        Layer name, as in ``named_modules``, to its activity. Layers that do not run are left out.
    Raises:
        InputError: no items, ``items`` of another number, or a layer called with two shapes.
        SettingError: a batch size below 1.
    Cost:
        One forward pass per item, in evaluation mode; every flag is put back.
    Example:
        >>> from spikeproof.neurons import LIF, Spiking
        >>> layer = Spiking(LIF(leak=0.5))
        >>> class Net(nn.Module):
        ...     def __init__(self) -> None:
        ...         super().__init__()
        ...         self.hidden = layer
        ...     def forward(self, x: Tensor) -> Tensor:
        ...         return self.hidden(x.expand(4, *x.shape)).mean(0)
        >>> activity(Net(), torch.tensor([[2.0, 0.0], [2.0, 0.75]]))["hidden"]
        Activity(rate=0.625, dead=0.0, saturated=0.5, units=2)
    """
    if not len(x):
        raise InputError("activity needs at least one item; got none.")
    if not isinstance(batch_size, BatchSize):
        batch_size = BatchSize(check_at_least(1, batch_size, "activity: batch_size"))
    numbers = torch.arange(len(x)) if items is None else items
    if len(numbers) != len(x):
        raise InputError(f"activity got {len(x)} inputs, but the numbers of {len(numbers)} items.")
    layers = spiking_layers(model)
    counts = {name: _Count(name) for name in layers}
    # A batch that does not fit must not be counted twice, so the rows are found out before.
    rows, home = batch_size.rows, home_of(model)
    starts = range(0, len(x), rows)
    batches = ((x[at : at + rows].to(home), numbers[at : at + rows]) for at in starts)
    _watched(model, {layers[name]: count for name, count in counts.items()}, batches)
    summaries = {name: count.summary() for name, count in counts.items()}
    return {name: summary for name, summary in summaries.items() if summary is not None}


def _watched(
    model: nn.Module,
    hooks: dict[nn.Module, Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]],
    batches: Iterable[tuple[Tensor, Tensor]],
) -> None:
    """Run the model over batches of inputs and numbers with the hooks on; leave it as it was."""
    handles = [layer.register_forward_hook(hook) for layer, hook in hooks.items()]
    try:
        with evaluating(model), torch.no_grad():
            for x, items in batches:
                with drawing(prediction_seeds(items)):
                    model(x)
    finally:
        for handle in handles:
            handle.remove()
