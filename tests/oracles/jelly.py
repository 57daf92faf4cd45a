"""The network with another library's neurons: SpikingJelly's LIFNode and IFNode."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.oracles.plain import Neurons

__all__ = ["SURROGATES", "exported", "fits", "same"]

SURROGATES = ("ATan(2)", "ATan(5)", "Sigmoid(4)")


def fits(neuron: dict[str, Any]) -> bool:
    """Whether the library has such a neuron: no noise, some leak that a time constant can say."""
    return neuron["kind"] in ("lif", "if") and 0 < neuron.get("leak", 1.0) <= 1


def exported(surrogate: str = "ATan(2)", *, detach: bool = False) -> Any:
    """From the settings of a neuron to the library's neurons.

    Args:
        surrogate: One of ``SURROGATES``.
        detach: Let no gradient flow through the reset.
    """
    from spikingjelly.activation_based import functional, neuron
    from spikingjelly.activation_based import surrogate as shapes

    kind, _, alpha = surrogate.rstrip(")").partition("(")
    shape = {"ATan": shapes.ATan, "Sigmoid": shapes.Sigmoid}[kind](alpha=float(alpha))

    def made(settings: dict[str, Any]) -> Neurons:
        leak = 1.0 if settings["kind"] == "if" else settings["leak"]
        common: dict[str, Any] = {
            "v_threshold": settings["threshold"],
            "v_reset": None if settings["reset"] == "soft" else 0.0,
            "surrogate_function": shape,
            "detach_reset": detach,
            "step_mode": "m",
        }
        assert not settings.get("decay_input")

        def fire(currents: Tensor, layer: int) -> Tensor:
            # A time constant of 1 / (1 - leak) is a factor of the leak per step.
            node = (
                neuron.IFNode(**common)
                if leak == 1
                else neuron.LIFNode(tau=1 / (1 - leak), decay_input=False, **common)
            )
            functional.reset_net(node)
            out: Tensor = node(currents.contiguous())
            return out

        return fire

    return made


def same(one: Tensor, other: Tensor) -> Tensor:
    """Which items have the same logits, up to float32."""
    return torch.isclose(one, other, rtol=1e-4, atol=1e-4).all(1)
