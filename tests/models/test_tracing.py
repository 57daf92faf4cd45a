"""The networks under torch.compile and torch.export: the same logits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spikeproof.models import ModelSpec, Network, build
from spikeproof.neurons import LIF, Spiking, Surrogate, gradient_rule, kernels

FAMILIES = ["cnn-small", "dense", "recurrent", "sew-resnet-18", "spiking-resnet-18", "vgg-5"]
FAMILIES += ["wrn-16-4"]


# Warnings that torch gives itself while it traces: it hides the first, but not where warnings are
# errors, and makes an autograd function only to stand for one.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

Tiny = Callable[..., ModelSpec]
Draw = Callable[..., Tensor]
Warmed = Callable[[ModelSpec], Network]


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "spiking-resnet-18"])
def test_a_compiled_network_has_the_same_logits(
    name: str, tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    spec = tiny(name, timesteps=2)
    model, x = warmed(spec), draw(spec)
    torch.compiler.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=False)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["dense", "recurrent"])
def test_a_compiled_network_has_the_gradient_of_the_surrogate_in_force(
    name: str, tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    spec = tiny(name, timesteps=2)
    model, x = warmed(spec), draw(spec).requires_grad_(True)
    torch.compiler.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=False)
    grads = []
    for surrogate in (None, Surrogate("sigmoid", 2.0)):
        with gradient_rule(surrogate):
            both = model(x), compiled(x)
        grads += [torch.autograd.grad(logits.square().sum(), x)[0] for logits in both]
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(grads[2], grads[3], rtol=1e-9, atol=1e-9)
    assert not torch.allclose(grads[0], grads[2])


def test_a_trace_of_the_whole_is_refused_not_frozen_to_one_surrogate(
    tiny: Tiny, draw: Draw
) -> None:
    model, x = build(tiny("dense")).double().eval(), draw(tiny("dense"))
    torch.compiler.reset()
    with pytest.raises(RuntimeError, match="ContextVar"):
        torch.compile(model, backend="eager", fullgraph=True)(x)


@pytest.mark.parametrize(
    ("name", "kernel"), [*((name, "auto") for name in FAMILIES), ("vgg-5", "reference")]
)
def test_an_exported_network_has_the_same_logits(
    name: str, kernel: str, tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    spec = tiny(name, timesteps=2)
    model, x = warmed(spec), draw(spec)
    for module in model.modules():
        if isinstance(module, Spiking):
            module.kernel = kernel
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), model(x), rtol=1e-9, atol=1e-9)


def test_the_kernel_is_the_reference_while_torch_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Tensor:
        raise AssertionError("a trace cannot hold the fused kernel")

    currents, neuron = torch.rand(3, 2), LIF()
    monkeypatch.setattr(kernels, "fused", refuse)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    settings = neuron.dynamics, neuron.surrogate.slope
    assert torch.equal(kernels.auto(currents, *settings), kernels.reference(currents, *settings))
