"""What a rule sees in one compiled pass, and moments, against plain torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikeproof.neurons import (
    LIF,
    PLIF,
    Dynamics,
    Firing,
    Moments,
    NoisyLIF,
    Slope,
    Spiking,
    gradient_rule,
)
from spikeproof.neurons.kernels import KERNELS, look, membranes
from spikeproof.oracle import ASSG, HART, PDSG, LayerSharpness

DYNAMICS = (
    Dynamics(),
    Dynamics(leak=0.9, gain=0.3, synapse=0.6, soft=True, threshold=0.7),
    Dynamics(leak=torch.tensor(0.8), gain=torch.tensor(0.2), synapse=0.4),
)


def currents(layout: str = "plain", dtype: torch.dtype = torch.float32) -> Tensor:
    x = torch.randn(4, 3, 5, 40, 50, generator=torch.Generator().manual_seed(0)).to(dtype) + 0.5
    if layout == "channels-last":
        return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    return x[:1].expand(4, -1, -1, -1, -1) if layout == "constant" else x


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("layout", ["plain", "channels-last", "constant"])
def test_one_look_is_the_spikes_and_membranes_of_the_reference_bit_by_bit(
    dynamics: Dynamics, layout: str
) -> None:
    x = currents(layout)
    spikes, above = look(x, dynamics)
    assert torch.equal(spikes, KERNELS["reference"](x, dynamics, Slope("triangle", 1.0)))
    assert torch.equal(above, membranes(x, spikes, dynamics) - dynamics.threshold)


@pytest.mark.parametrize("neuron", [LIF(leak=0.5), PLIF(), NoisyLIF(noise=0.1)])
@pytest.mark.parametrize("layout", ["plain", "channels-last", "constant"])
def test_a_rule_gets_from_the_fused_kernel_what_it_gets_from_the_reference(
    neuron: LIF, layout: str
) -> None:
    found = {}
    for kernel in ("fused", "reference"):
        layer = Spiking(neuron, kernel=kernel).double()
        x = currents(layout, torch.float64).requires_grad_(True)
        for rule in (HART(), PDSG(), LayerSharpness()):
            with torch.random.fork_rng(), gradient_rule(rule):
                torch.manual_seed(0)
                spikes = layer(x)
            (grad,) = torch.autograd.grad((spikes * torch.linspace(0, 1, 50)).sum(), x)
            # Of a current that all steps share, the sum over steps is what its owner gets.
            found[kernel, rule.name] = spikes, grad.sum(0) if layout == "constant" else grad
    for (kernel, name), (spikes, grad) in found.items():
        assert torch.equal(spikes, found["reference", name][0]), (kernel, name)
        torch.testing.assert_close(grad, found["reference", name][1])


def moved(u: Tensor, mean: Tensor, deviation: Tensor, times: int, memory: float) -> list[Tensor]:
    """The published formula in plain torch."""
    for _ in range(times):
        mean = memory * mean + (1 - memory) * u.abs()
        deviation = memory * deviation + (1 - memory) * (u.abs() - mean).abs()
    return [mean, deviation, 2.0 / (mean + 1.5 * deviation + 1e-4)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("memory", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("compiled", [True, False])
def test_moments_move_in_the_rows_of_their_items(
    dtype: torch.dtype, memory: float, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr("spikeproof.neurons.kernels.moments.available", lambda: False)
    made = torch.Generator().manual_seed(1)
    u = torch.randn(2, 3, 4, 5, generator=made, dtype=dtype)
    kept = [torch.rand(2, 5, 4, 5, generator=made, dtype=dtype) for _ in range(2)]
    before = [x.clone() for x in kept]
    rows, moves = torch.tensor([3, 0, 4]), [1, 0, 6]
    rule = Moments(bound=2.0, memory=memory, relax=1.5, tiny=1e-4)
    sharpness = rule.sharpness(u, (kept[0], kept[1]), rows, torch.tensor(moves))
    for n, (row, times) in enumerate(zip(rows.tolist(), moves, strict=True)):
        wanted = moved(u[:, n], before[0][:, row], before[1][:, row], times, memory)
        for got, want in zip(
            (kept[0][:, row], kept[1][:, row], sharpness[:, n]), wanted, strict=True
        ):
            torch.testing.assert_close(got, want)
    for row in (1, 2):  # nobody asked about these
        assert all(torch.equal(x[:, row], y[:, row]) for x, y in zip(kept, before, strict=True))


@pytest.mark.parametrize("threads", [1, 2])
def test_no_bit_of_a_sharpness_hangs_on_the_items_beside_or_on_threads(threads: int) -> None:
    u, rule = torch.randn(4, 6, 30001), Moments(bound=2.0, memory=0.9, relax=1.5, tiny=1e-4)
    one = torch.ones(1, dtype=torch.int64)

    def asked(rows: Tensor) -> Tensor:
        kept = torch.ones(4, 6, 30001), torch.zeros(4, 6, 30001)
        return rule.sharpness(u[:, rows], kept, rows, one.expand(len(rows)).clone())

    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = asked(torch.arange(6))
    finally:
        torch.set_num_threads(usual)
    for item in (0, 3, 5):
        assert torch.equal(asked(torch.tensor([item]))[:, 0], together[:, item])


@pytest.mark.parametrize("shape", ["arctan", "gaussian", "rectangle", "sigmoid", "triangle"])
def test_known_spikes_change_no_bit_of_a_gradient(shape: str) -> None:
    x, grads = currents("channels-last").requires_grad_(True), []
    for known in (False, True):
        sharpness = 1 + look(x, Dynamics())[1].abs()
        spikes = look(x, Dynamics())[0] if known else None
        out = KERNELS["fused"](x, Dynamics(), Slope(shape, sharpness), *([spikes] if known else []))
        grads.append(torch.autograd.grad((out * torch.linspace(0, 1, 50)).sum(), x)[0])
    assert torch.equal(*grads)


def test_a_rule_that_looks_twice_runs_the_kernel_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def noted(firing: Firing) -> Tensor:
        assert firing.membranes.shape == firing.spikes.shape
        monkeypatch.setattr(
            "spikeproof.neurons.kernels.compiled.forward", lambda dtype: calls.append("again")
        )
        return firing.through(Slope("triangle", 1.0))

    with gradient_rule(noted):
        spikes = Spiking(LIF(), kernel="fused")(currents())
    assert not calls and torch.equal(spikes, look(currents(), Dynamics())[0])


def test_assg_serves_any_order_of_memory() -> None:
    from spikeproof.oracle import Oracle

    class Net(torch.nn.Module):
        def __init__(self, last: bool) -> None:
            super().__init__()
            self.last, self.spikes = last, Spiking(LIF())

        def forward(self, x: Tensor) -> Tensor:
            over = x.unsqueeze(0) * torch.tensor([1.0, 0.5, 0.7]).view(3, 1, 1, 1, 1)
            if self.last:
                over = over.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
            fired: Tensor = self.spikes(over)
            return fired.sum(0).flatten(2).mean(2)

    x = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(2)) * 2
    found = []
    for last in (False, True):
        with Oracle(Net(last), gradient=ASSG(warm=2)) as oracle:
            rows = torch.tensor([2, 0])
            oracle.logits_and_grad(x[rows], lambda z: z[:, 0], rows)
            found.append(oracle.logits_and_grad(x, lambda z: z[:, 0])[1])
    assert torch.equal(*found) and bool(found[0].any())
