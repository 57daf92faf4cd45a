"""Every kernel against the reference kernel: the same spikes, the same gradient to rounding."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import (
    IF,
    LIF,
    PLIF,
    SHAPES,
    Neuron,
    Slope,
    Spiking,
    Surrogate,
    gradient_flow,
)
from spikeproof.neurons.kernels import fused, reference
from spikeproof.neurons.kernels.loops import BLOCK

pytest.importorskip("numba", reason="the fused kernel needs numba")


def run(kernel: str, neuron: Neuron, currents: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes, and the gradient of their weighted sum."""
    currents = currents.detach().clone(memory_format=torch.preserve_format).requires_grad_(True)
    spikes = Spiking(neuron, kernel=kernel)(currents)
    (grad,) = torch.autograd.grad((weight * spikes).sum(), currents)
    return spikes, grad


@st.composite
def neurons(draw: st.DrawFn) -> Neuron:
    """Any neuron with a recursion."""
    shape, sharpness = draw(st.sampled_from(sorted(SHAPES))), draw(st.floats(0.25, 12.0))
    common = {
        "surrogate": Surrogate(shape, sharpness, draw(st.sampled_from([1.0, 0.3]))),
        "threshold": draw(st.floats(0.25, 2.0)),
        "detach_reset": draw(st.booleans()),
        "reset": draw(st.sampled_from(["hard", "soft"])),
    }
    kind = draw(st.sampled_from([IF, LIF, PLIF]))
    if kind is IF:
        return IF(**common)
    decay = draw(st.booleans())
    synapse = draw(st.sampled_from([0.0, 0.5, 0.9]))
    leak = draw(st.floats(0.05, 0.95)) if kind is PLIF else draw(st.floats(0.0, 1.0))
    return kind(leak=leak, decay_input=decay, synapse=synapse, **common)


SHARES = st.none() | st.sampled_from([0.0, 1.0]) | st.floats(0, 1)


@settings(max_examples=150, deadline=None)
@given(
    neurons(),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(0, 2**30),
    st.tuples(SHARES, SHARES),
)
def test_fused_equals_reference(
    neuron: Neuron,
    shape: list[int],
    steps: int,
    seed: int,
    shares: tuple[float | None, float | None],
) -> None:
    generator = torch.Generator().manual_seed(seed)
    currents = torch.randn(steps, *shape, generator=generator, dtype=torch.float64)
    weight = torch.randn(steps, *shape, generator=generator, dtype=torch.float64)
    with gradient_flow(reset=shares[0], leak=shares[1]):
        ours, theirs = (run(k, neuron, currents, weight) for k in ("fused", "reference"))
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_float32_gradients_agree_to_rounding(shape: str) -> None:
    currents, weight = (3 * torch.randn(2, 7, 9, 5001)).unbind(0)
    neuron = LIF(leak=0.9, surrogate=Surrogate(shape, 4.0), detach_reset=True)
    ours, theirs = (run(k, neuron, currents, weight) for k in ("fused", "reference"))
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1], rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_a_gradient_shared_by_all_steps_change_no_bit(threads: int) -> None:
    before = torch.get_num_threads()
    currents = torch.randn(8, 3, 40000, requires_grad=True)
    weight = torch.randn(3, 40000)
    layer, grads = Spiking(LIF(), kernel="fused"), []
    try:
        for count, each in ((threads, weight.expand(8, 3, 40000)), (1, weight.repeat(8, 1, 1))):
            torch.set_num_threads(count)
            grads.append(torch.autograd.grad(layer(currents), currents, each)[0])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*grads)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 5000, BLOCK - 1, BLOCK, BLOCK + 1, 20000])
def test_blocks_leave_no_seam(dtype: torch.dtype, size: int) -> None:
    currents, weight = torch.randn(2, 6, size, dtype=dtype).unbind(0)
    neuron = LIF(surrogate=Surrogate("arctan", 3.0))
    whole = run("fused", neuron, currents, weight)
    for part in (0, size // 2, size - 1):
        alone = run("fused", neuron, currents[:, part : part + 1], weight[:, part : part + 1])
        assert torch.equal(alone[0], whole[0][:, part : part + 1])
        assert torch.equal(alone[1], whole[1][:, part : part + 1])


def test_channels_last_currents_are_read_in_their_own_layout() -> None:
    frames = torch.randn(12, 4, 5, 6).contiguous(memory_format=torch.channels_last)
    currents = frames.reshape(3, 4, 4, 5, 6)
    weight = torch.randn(3, 4, 4, 5, 6)
    assert not currents.is_contiguous()
    ours, theirs = (run(k, LIF(), currents, weight) for k in ("fused", "reference"))
    assert torch.equal(ours[0], theirs[0])
    assert ours[0].stride() == currents.stride()
    torch.testing.assert_close(ours[1], theirs[1])


def test_a_constant_current_gets_the_gradient_of_all_its_steps() -> None:
    weight = torch.randn(5, 2, 3)
    grads = []
    for kernel in ("fused", "reference"):
        current = torch.linspace(0.2, 1.4, 6).view(2, 3).requires_grad_(True)
        spikes = Spiking(LIF(), kernel=kernel)(current.expand(5, 2, 3))
        grads.append(torch.autograd.grad((weight * spikes).sum(), current)[0])
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("loss", ["linear", "margin", "cross-entropy"])
def test_a_second_derivative_is_refused_not_wrong(loss: str) -> None:
    readout = torch.randn(3, 4)
    currents = torch.randn(4, 2, 3, requires_grad=True)
    logits = Spiking(LIF(), kernel="fused")(currents).mean(0) @ readout
    value = {
        "linear": lambda: logits.sum(),
        "margin": lambda: (logits[:, 0] - logits[:, 1]).sum(),
        "cross-entropy": lambda: torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])),
    }[loss]()
    with pytest.raises(SettingError, match="kernel='reference'"):
        torch.autograd.grad(value, currents, create_graph=True)


@pytest.mark.parametrize("decay", [True, False])
@pytest.mark.parametrize("synapse", [0.0, 0.6])
@pytest.mark.parametrize("share", [None, 0.4, 0.0])
def test_the_learned_leak_gets_the_gradient_of_the_reference(
    decay: bool, synapse: float, share: float | None
) -> None:
    currents, weight = torch.randn(2, 6, 3, 9001, dtype=torch.float64).unbind(0)
    neuron = PLIF(leak=0.7, decay_input=decay, synapse=synapse, reset="soft")
    grads = []
    for kernel in ("fused", "reference"):
        layer = Spiking(neuron, kernel=kernel).double()
        with gradient_flow(reset=share, leak=share):
            (weight * layer(currents)).sum().backward()
        grads.append(layer.weight.grad)
    assert grads[0].abs() > 1e-3
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("layout", ["plain", "channels-last", "expanded"])
def test_a_sharpness_per_neuron_reaches_every_kernel(shape: str, layout: str) -> None:
    currents = torch.randn(12, 3, 5, 7, dtype=torch.float64)
    if layout == "channels-last":
        currents = currents.contiguous(memory_format=torch.channels_last)
    currents = currents.reshape(4, 3, 3, 5, 7)
    if layout == "expanded":
        currents = currents[:1].expand(4, 3, 3, 5, 7)
    sharpness = 0.3 + 4 * torch.rand(4, 3, 3, 5, 7, dtype=torch.float64)
    weight, grads = torch.randn(4, 3, 3, 5, 7, dtype=torch.float64), []
    for kernel in (fused, reference):
        x = currents.clone(memory_format=torch.preserve_format).requires_grad_(True)
        spikes = kernel(x, LIF().dynamics, Slope(shape, sharpness))
        grads.append(torch.autograd.grad((weight * spikes).sum(), x)[0])
    torch.testing.assert_close(*grads)


def test_a_single_neuron_may_have_a_sharpness_for_every_step() -> None:
    sharpness = torch.tensor([1.0, 2.0, 0.5]).view(3, 1, 1)
    grads = []
    for kernel in (fused, reference):
        currents = torch.tensor([0.75, 0.5, 1.0]).view(3, 1, 1).requires_grad_(True)
        spikes = kernel(currents, LIF().dynamics, Slope("triangle", sharpness))
        grads.append(torch.autograd.grad(spikes.sum(), currents)[0])
    torch.testing.assert_close(*grads)


def test_no_items_and_one_step_are_served() -> None:
    for shape in ((3, 0, 5), (1, 2, 3), (1, 0)):
        currents = torch.randn(shape, requires_grad=True)
        spikes = Spiking(LIF(), kernel="fused")(currents)
        spikes.sum().backward()
        assert spikes.shape == shape
        assert currents.grad is not None and currents.grad.shape == shape


def test_the_fused_kernel_says_which_tensors_it_serves() -> None:
    currents = torch.zeros(2, 3, 4)
    for bad, got in ((currents.bfloat16(), "bfloat16 on cpu"), (currents.to("meta"), "on meta")):
        with pytest.raises(SettingError, match=f"serves float32 and float64 on the CPU; .*{got}"):
            Spiking(LIF(), kernel="fused")(bad)
        assert Spiking(LIF())(bad).shape == bad.shape  # by default another kernel steps in


def test_a_missing_numba_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("spikeproof.neurons.kernels.fused")
    monkeypatch.setattr(module, "available", lambda: False)
    with pytest.raises(SettingError, match="kernel='fused' needs numba: `pip install numba`"):
        Spiking(LIF(), kernel="fused")(torch.zeros(2, 3))


@pytest.mark.parametrize("kernel", ["fused", "reference"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_currents_that_are_not_finite_are_refused(kernel: str, value: float) -> None:
    currents = torch.zeros(3, 2, 5000)
    currents[1, 1, 4567] = value
    with pytest.raises(InputError, match="finite"):
        Spiking(LIF(), kernel=kernel)(currents)
