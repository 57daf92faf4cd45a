"""What a run watches for: silent or saturated layers, numbers that are not finite, over-fitting."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, all_finite
from spikeproof.models import spiking_layers
from spikeproof.neurons import drawing
from spikeproof.train.keep.history import Epoch

__all__ = ["PassCounter", "bad_activation", "bad_gradient", "inspected", "warnings_of"]

Seen = Callable[[str, nn.Module, Tensor], None]


class PassCounter:
    """Counts the items that go forward through a model, and the gradients that come back."""

    def __init__(self) -> None:
        self.forward = 0
        self.backward = 0

    @contextmanager
    def counting(self, model: nn.Module) -> Iterator[None]:
        """Count inside."""
        handle = model.register_forward_hook(self._count)
        try:
            yield
        finally:
            handle.remove()

    def _count(self, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        """One forward pass; later, each time its gradient is taken."""
        if not isinstance(out, Tensor):
            return
        items = len(args[0])
        self.forward += items
        if out.requires_grad:

            def came_back(grad: Tensor) -> None:
                self.backward += items

            out.register_hook(came_back)  # type: ignore[no-untyped-call]


@contextmanager
def _outputs(model: nn.Module, seen: Seen) -> Iterator[None]:
    """Show ``seen`` every tensor that a layer without parts gives, with the layer's name."""
    spiking = spiking_layers(model)
    with ExitStack() as scopes:
        for name, module in model.named_modules():
            if name in spiking or not list(module.children()):

                def hook(
                    module: nn.Module, args: tuple[Any, ...], out: Any, name: str = name
                ) -> None:
                    if isinstance(out, Tensor):
                        seen(name or type(module).__name__, module, out.detach())

                scopes.callback(module.register_forward_hook(hook).remove)
        yield


def inspected(
    model: nn.Module, x: Tensor, batch_size: int, seeds: Seeds
) -> tuple[dict[str, float], str | None]:
    """Send items through a model and look into every layer.

    Args:
        model: In the mode to be looked at.
        x: Inputs, ``(N, *shape)``, N at least 1.
        batch_size: Items per forward pass.
        seeds: One key per item, from which the network draws.
    Returns:
        Spikes per unit and step of each spiking layer, by name; and the first layer whose output
        is not finite, or None.
    Cost: 1 forward per item.
    """
    rates: dict[str, tuple[float, int]] = {}
    bad: list[str] = []
    spiking = set(spiking_layers(model).values())

    def seen(name: str, module: nn.Module, out: Tensor) -> None:
        if not all_finite(out):
            bad.append(name)
        if module in spiking:
            fired, chances = rates.get(name, (0.0, 0))
            rates[name] = fired + float(torch.count_nonzero(out > 0)), chances + out.numel()

    device = next(model.parameters()).device
    with torch.no_grad(), _outputs(model, seen):
        for start in range(0, len(x), batch_size):
            part = slice(start, start + batch_size)
            with drawing(seeds.child("network")[part]):
                model(x[part].to(device))
    means = {name: fired / chances for name, (fired, chances) in rates.items()}
    return means, bad[0] if bad else None


def bad_activation(model: nn.Module, x: Tensor, batch_size: int, seeds: Seeds) -> str | None:
    """The first layer whose output is not finite on these items, or None."""
    return inspected(model, x, batch_size, seeds)[1]


def bad_gradient(model: nn.Module) -> str | None:
    """The parameter with a gradient that is not finite, the one nearest to the loss, or None."""
    bad = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not all_finite(parameter.grad)
    ]
    return bad[-1] if bad else None


def warnings_of(epoch: Epoch, before: Sequence[Epoch], items: int) -> dict[str, str]:
    """What is wrong in an epoch and has not been said in one before.

    A layer is dead where it never fires on the watched items and saturated where it always does.
    Robust over-fitting: robust validation accuracy has fallen from its best by more than two
    standard errors, and the accuracy on training inputs has risen since.

    Args:
        epoch: The new epoch.
        before: The epochs before it.
        items: How many items robust accuracy was measured on.
    Returns:
        Short key → sentence.
    """
    warnings: dict[str, str] = {}
    for name, rate in epoch.firing.items():
        if rate in (0.0, 1.0):
            state = "dead" if rate == 0 else "saturated"
            warnings[f"{state} {name}"] = (
                f"Layer {name} is {state}: it fires {'never' if rate == 0 else 'at every step'} on "
                "the watched validation items, so no attack gradient and no learning passes it "
                "beyond the surrogate's tail. Check weight scale, threshold and learning rate."
            )
    warnings |= _overfitting(epoch, before, items)
    known = {key for one in before for key in one.warnings}
    return {key: sentence for key, sentence in warnings.items() if key not in known}


def _overfitting(epoch: Epoch, before: Sequence[Epoch], items: int) -> Mapping[str, str]:
    """The warning of robust over-fitting, if there is cause."""
    now = _robust(epoch)
    series = [(value, one) for one in before if (value := _robust(one)) is not None]
    if now is None or not series or epoch.training_accuracy is None:
        return {}
    best, then = max(series, key=lambda pair: pair[0])
    noise = 2 * math.sqrt(max(best * (1 - best), 0.25 / items) / items)
    risen = then.training_accuracy is not None and epoch.training_accuracy > then.training_accuracy
    if best - now <= noise or not risen:
        return {}
    return {
        "robust over-fitting": (
            f"Robust over-fitting: robust validation accuracy fell from {100 * best:.1f} % in "
            f"epoch {then.epoch} to {100 * now:.1f} %, while training accuracy rose to "
            f"{100 * epoch.training_accuracy:.1f} %. The best epoch is kept unless "
            "select='last'; fewer epochs, patience or augmentation cost less."
        )
    }


def _robust(epoch: Epoch) -> float | None:
    """Union accuracy of robust validation; else that on adversarial validation inputs."""
    if epoch.union is not None:
        return epoch.union
    different = epoch.validation_accuracy != epoch.clean_accuracy
    return epoch.validation_accuracy if different else None
