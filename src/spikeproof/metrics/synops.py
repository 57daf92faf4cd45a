"""Synaptic operations: how often a spike, or a whole event, reaches a synapse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from spikeproof.base import MOST_ROWS, BatchSize, InputError, SettingError
from spikeproof.models import check_logits, evaluating, home_of, spiking_layers
from spikeproof.neurons import Recurrent, drawing, stepwise
from spikeproof.oracle import prediction_seeds

__all__ = ["Metered", "SynOps", "synops"]

_SYNAPSES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, kw_only=True, eq=False)
class SynOps:
    """Synaptic operations of every item.

    Args:
        total: All of them, float64 ``(N,)``.
        layers: Those of each synaptic layer, by its name in ``named_modules``; float64 ``(N,)``.
        left_out: Layers that read real numbers, no spikes: the first one under direct coding.
    """

    total: Tensor
    layers: Mapping[str, Tensor]
    left_out: tuple[str, ...]


@dataclass(eq=False)
class _Tally:
    """What one forward pass has done so far, by layer; each entry ``(N,)``."""

    n: int
    layers: dict[str, Tensor] = field(default_factory=dict)

    def add(self, name: str, rows: Tensor) -> None:
        """Operations of rows that are items, or steps of items with the step first."""
        each = rows.view(-1, self.n).sum(0)
        self.layers[name] = self.layers[name] + each if name in self.layers else each


class Metered(nn.Module):
    r"""A network that answers with its logits and, in one column more, its synaptic operations.

    .. math:: \mathrm{SynOps} = \sum_{\text{layers}} \sum_t \sum_i n_i[t]\; f_i

    Every linear layer and convolution that reads spikes counts: :math:`f_i` is how many synapses
    with a weight other than 0 input :math:`i` reaches, at the border fewer, and :math:`n_i[t]` is
    its value at step t where that is a whole number (spikes, sums of spikes, events in a cell) and
    1 for any other value but 0 (an average of spikes is sent on once). The feedback of a
    recurrent layer counts from its second step on. A layer that reads the raw input counts where
    the input consists of whole numbers; where it is real, its work is the same for nearly every
    input and is left out.

    The count has a gradient: that of the spikes, passed straight through the counting of a value
    as an operation. So attacks ascend it like a logit (see ``threats.Energy``).

    Args:
        model: A network with ``Spiking`` layers that takes the mean over time by ``time_mean``.
        example: A few items, ``(M, *shape)``, which tell the layers that read the input from those
            that read spikes.
    Raises:
        InputError: no spiking layer, or a module whose weights the meter cannot count.
    Cost:
        One product with a map of fan-outs per layer and pass; two passes of the example when made.
        Fan-outs are read once: make another meter when the weights have changed.
    Differs from the paper:
        NeuroBench counts any value but 0 once, and splits off those that are not 1 as products.
    Example:
        >>> from spikeproof.neurons import LIF, Spiking
        >>> class Net(nn.Module):
        ...     def __init__(self) -> None:
        ...         super().__init__()
        ...         self.spikes, self.out = Spiking(LIF()), nn.Linear(2, 3)
        ...     def forward(self, x: Tensor) -> Tensor:
        ...         return self.out(self.spikes(x.expand(4, *x.shape))).mean(0)
        >>> Metered(Net(), torch.ones(1, 2))(torch.tensor([[2.0, 0.0], [2.0, 2.0]]))[:, -1]
        tensor([12., 24.], grad_fn=<SelectBackward0>)

    References:
        yik2025neurobench
    """

    def __init__(self, model: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.model = model
        _refuse_uncountable(model)
        feedback = {module.feedback for module in model.modules() if isinstance(module, Recurrent)}
        self._synapses = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, _SYNAPSES) and module not in feedback
        }
        self._fans: dict[tuple[str, torch.Size], Tensor] = {}
        self.left_out = self._reading_numbers(example)

    def forward(self, x: Tensor) -> Tensor:
        """Logits and operations, ``(N, K + 1)``, of inputs ``(N, *shape)``."""
        logits, tally = self.metered(x)
        total = torch.stack(list(tally.values())).sum(0)
        return torch.cat([logits, total[:, None].to(logits.dtype)], 1)

    def metered(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits ``(N, K)``, and the operations of each layer, float64 ``(N,)``."""
        tally = _Tally(len(x))
        zero = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        with self._hooked(tally), stepwise():
            each = self.model(x)
        # Readouts are affine: the mean of the answers at the steps is the network's answer.
        logits = check_logits(each, len(each) // max(1, len(x)) * len(x))
        logits = logits.view(-1, len(x), logits.shape[1]).mean(0)
        names = [name for name in self._synapses if name not in self.left_out]
        kept = {name: tally.layers.get(name, zero) for name in names}
        return logits, kept | {k: v for k, v in tally.layers.items() if k not in self._synapses}

    @contextmanager
    def _hooked(self, tally: _Tally) -> Iterator[None]:
        """Count what the layers read, while inside."""
        with ExitStack() as hooks:
            for name, layer in self._synapses.items():
                if name not in self.left_out:
                    hook = layer.register_forward_pre_hook(self._counting(name, tally))
                    hooks.callback(hook.remove)
            for name, layer in spiking_layers(self.model).items():
                if isinstance(layer, Recurrent):
                    hook = layer.register_forward_hook(self._returning(name, tally))
                    hooks.callback(hook.remove)
            yield

    def _counting(
        self, name: str, tally: _Tally
    ) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        """Count a layer's inputs times their fan-out."""

        def count(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
            rows = args[0].flatten(0, -2) if isinstance(layer, nn.Linear) else args[0]
            key = (name, rows.shape[1:])
            if key not in self._fans:
                self._fans[key] = _fan_out(layer, rows)
            fan = self._fans[key].to(rows.device)
            tally.add(name, (_sent(rows).double() * fan).flatten(1).sum(1))

        return count

    def _returning(
        self, name: str, tally: _Tally
    ) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        """Count the spikes that a recurrent layer sends back to itself."""

        def count(layer: nn.Module, args: tuple[Tensor, ...], spikes: Tensor) -> None:
            assert isinstance(layer, Recurrent)
            fan = (layer.feedback.weight != 0).sum(0).double()
            # Those of the last step would arrive after the end.
            sent = (_sent(spikes[:-1]).double() * fan).flatten(2).sum(2)
            zero = torch.zeros(1, tally.n, dtype=torch.float64, device=spikes.device)
            tally.add(f"{name}.feedback", torch.cat([sent, zero]).flatten())

        return count

    def _reading_numbers(self, example: Tensor) -> tuple[str, ...]:
        """The layers that the input reaches without a spike, and as other than whole numbers."""
        if not len(example):
            raise InputError("Metered needs at least one item as an example; got none.")
        seen: dict[str, Tensor] = {}
        few = example.detach().to(home_of(self.model)).clone().requires_grad_(True)
        with ExitStack() as hooks, evaluating(self.model), torch.enable_grad(), stepwise():
            for layer in spiking_layers(self.model).values():
                hook = layer.register_forward_hook(lambda _, __, out: out.detach())
                hooks.callback(hook.remove)
            for name, layer in self._synapses.items():
                noted = layer.register_forward_pre_hook(
                    lambda _, args, name=name: seen.__setitem__(name, args[0])
                )
                hooks.callback(noted.remove)
            hooks.enter_context(drawing(prediction_seeds(torch.arange(len(few)))))
            self.model(few)
        raw = [name for name, value in seen.items() if _depends(value, few)]
        return tuple(name for name in raw if not _whole(seen[name]).all())


def synops(
    model: nn.Module,
    x: Tensor,
    *,
    items: Tensor | None = None,
    batch_size: int | BatchSize = MOST_ROWS,
) -> SynOps:
    """Count the synaptic operations of a network on every item.

    A stochastic network is shown once, with the draws by which evaluation judges the items.

    Args:
        model: As for :class:`Metered`.
        x: Inputs, ``(N, *shape)``, N at least 1, on any device.
        items: Numbers of the items, int64 ``(N,)``, to which draws belong; 0..N-1 where absent.
        batch_size: Items per forward pass; it never changes the result.
    Returns:
        The counts, on the CPU.
    Raises:
        InputError: no items, ``items`` of another number, or what :class:`Metered` refuses.
    Cost:
        One forward pass per item in evaluation mode; every flag is put back.
    Example:
        >>> from spikeproof.data import load
        >>> from spikeproof.models import build
        >>> events = load("digits-events")
        >>> found = synops(build("cnn-small", events), events.validation.x[:2])
        >>> list(found.layers), found.left_out
        (['body.stem.0', 'body.block.layers.1', 'body.readout.2'], ())
    """
    numbers = torch.arange(len(x)) if items is None else items
    if not len(x) or len(numbers) != len(x):
        raise InputError(
            f"synops needs at least one item, and one number for each; got {len(x)} inputs and "
            f"{len(numbers)} numbers."
        )
    meter, home = Metered(model, x[:4]), home_of(model)
    size = batch_size if isinstance(batch_size, BatchSize) else BatchSize(batch_size)

    def counted(part: Tensor) -> dict[str, Tensor]:
        with drawing(prediction_seeds(numbers[part])):
            return {name: ops.cpu() for name, ops in meter.metered(x[part].to(home))[1].items()}

    with evaluating(model), torch.no_grad():
        parts = [found for _, found in size.each(torch.arange(len(x)), counted)]
    layers = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    total = torch.stack(list(layers.values())).sum(0)
    return SynOps(total=total, layers=layers, left_out=meter.left_out)


def _fan_out(layer: nn.Module, rows: Tensor) -> Tensor:
    """How many synapses every input of a layer reaches, float64, the shape of one row."""
    assert isinstance(layer, _SYNAPSES)
    there = (layer.weight.detach() != 0).double()
    if isinstance(layer, nn.Linear):
        return there.sum(0)
    # Of a sum over all outputs the derivative by an input is the sum of the weights it meets.
    with torch.enable_grad():
        one = torch.zeros(1, *rows.shape[1:], dtype=torch.float64, device=rows.device)
        one.requires_grad_(True)
        out = layer._conv_forward(one, there, None)
        (fan,) = torch.autograd.grad(out.sum(), one)
    return fan[0]


def _sent(values: Tensor) -> Tensor:
    """How many messages each value is; its own gradient goes straight through."""
    fixed = values.detach()
    count = torch.where(_whole(fixed), fixed.abs(), torch.ones_like(fixed))
    if not values.requires_grad:
        return count
    return count + fixed.sign().where(fixed != 0, torch.ones_like(fixed)) * (values - fixed)


def _whole(values: Tensor) -> Tensor:
    """Whether each value is a whole number."""
    return values == values.round()


def _depends(value: Tensor, x: Tensor) -> bool:
    """Whether a tensor was computed from the input."""
    if not value.requires_grad:
        return False
    with torch.enable_grad():
        (grad,) = torch.autograd.grad(value.sum(), x, allow_unused=True, retain_graph=True)
    return grad is not None


def _refuse_uncountable(model: nn.Module) -> None:
    """Raise where there are no spikes, or synapses that the meter does not know."""
    spiking = spiking_layers(model)
    if not spiking:
        raise InputError(
            f"{type(model).__name__} has no Spiking layer, so no spike of it can be counted; build "
            "it of spikeproof.neurons, or read it from NIR."
        )
    for name, module in model.named_modules():
        own = [key for key, weight in module.named_parameters(recurse=False) if weight.ndim > 1]
        if own and not isinstance(module, _SYNAPSES) and name not in spiking:
            raise SettingError(
                f"The synapses of {name or 'the network'}, a {type(module).__name__}, cannot be "
                "counted; the meter knows linear layers, convolutions and Recurrent."
            )
