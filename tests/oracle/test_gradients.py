"""Every gradient's formula on neurons whose traces are computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.neurons import IF, LIF, Neuron, Spiking, Surrogate
from spikeproof.oracle import BPTR, HART, PDSG, RGA, Conversion, Mixture, Oracle, Smoothing
from support.traces import ABOVE, CURRENTS, SPIKES, One, gradient, unrolled


def test_the_trace_by_hand_and_the_chain_rule_by_hand_are_right() -> None:
    with Oracle(One()) as oracle:
        assert oracle.logits(CURRENTS)[0].tolist() == SPIKES
    slopes = [max(0.0, 1 - abs(u)) for u in ABOVE]
    assert gradient(Surrogate("triangle")) == pytest.approx(unrolled(slopes))


def test_bptr_goes_straight_through_neurons_that_fired() -> None:
    assert gradient(BPTR()) == [1.0, 2.0, 3.0]
    assert gradient(BPTR(), CURRENTS / 4) == [0.0, 0.0, 0.0]
    assert gradient(BPTR(), 2 * CURRENTS, LIF(leak=0.5, threshold=2.0)) == [0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("scale", "neuron", "slope"),
    [
        (1.0, LIF(leak=0.5), 0.9 / 1.5),  # mean .75, in [.5, 2]
        (0.25, LIF(leak=0.5), 0.2),  # mean .1875, in [0, .5]
        (2 / 3, LIF(leak=0.5), 0.9 / 1.5 + 0.2),  # mean .5, where both meet
        (-1.0, LIF(leak=0.5), 0.0),
        (3.0, LIF(leak=0.5), 0.0),  # mean 2.25
        (1.0, IF(), 0.5),
        (-1.0, IF(), 0.0),
        (2.0, LIF(leak=0.5, threshold=2.0), 0.9 / 1.5 / 2),  # counted in thresholds
    ],
)
def test_rga_has_the_slope_of_the_rate_at_the_mean_current(
    scale: float, neuron: Neuron, slope: float
) -> None:
    expected = pytest.approx([slope, 2 * slope, 3 * slope])
    assert gradient(RGA(), scale * CURRENTS, neuron) == expected


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
def test_hart_averages_over_time_and_prunes_it(sharpness: float) -> None:
    expected = [2.0 * sharpness * max(0.0, 1 - sharpness * abs(u)) for u in ABOVE]
    assert gradient(HART(sharpness=sharpness)) == pytest.approx(expected)


def spread(values: list[float]) -> float:
    """Standard deviation, 1 where it is 0."""
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    return deviation or 1.0


def shifted(u: float, sigma: float) -> float:
    height = 1 / (math.sqrt(2 * math.pi) * sigma)
    return height * math.exp(-(((u - 0.5 * sigma) / (math.sqrt(2) * sigma)) ** 2))


def test_pdsg_is_as_wide_as_the_membranes_spread_so_far() -> None:
    slopes = [shifted(u, spread(ABOVE[: t + 1])) for t, u in enumerate(ABOVE)]
    assert gradient(PDSG()) == pytest.approx(unrolled(slopes))


class Plane(nn.Module):
    """Two channels of two places per item, one step; their spikes as logits."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(LIF())

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.spikes(x.unsqueeze(0))
        return spikes[0].flatten(1)


def test_pdsg_pools_places_of_one_channel_and_items_only_when_asked() -> None:
    x = torch.tensor([[[[0.5, 1.5]], [[2.0, 1.0]]], [[[1.0, 0.0]], [[0.5, 0.5]]]]).double()
    u = (x - 1).tolist()
    for rule, together in ((PDSG(), False), (PDSG(statistics="batch"), True)):
        with Oracle(Plane(), gradient=rule) as oracle:
            grad = oracle.logits_and_grad(x, lambda z: z.sum(1))[1]
        for item in range(2):
            for channel in range(2):
                mine = [u[n][channel][0] for n in ((0, 1) if together else (item,))]
                sigma = spread([value for row in mine for value in row])
                expected = [shifted(value, sigma) for value in u[item][channel][0]]
                assert grad[item, channel, 0].tolist() == pytest.approx(expected)


def test_pdsg_of_an_item_does_not_depend_on_the_items_beside_it() -> None:
    x = torch.rand(4, 2, 1, 2, dtype=torch.float64)
    for rule, same in ((PDSG(), True), (PDSG(statistics="batch"), False)):
        with Oracle(Plane(), gradient=rule) as oracle:
            together = oracle.logits_and_grad(x, lambda z: z.sum(1))[1][:1]
            alone = oracle.logits_and_grad(x[:1], lambda z: z.sum(1))[1]
        assert torch.allclose(together, alone, rtol=1e-12) is same


class Small(nn.Module):
    """Linear, one spiking layer over two steps, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3, bias=False).double()
        self.spikes = Spiking(IF(threshold=2.0))
        self.last = nn.Linear(3, 2, bias=False).double()
        self.first.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).double()
        self.last.weight.data = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]]).double()

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.spikes(self.first(x).expand(2, len(x), 3)).mean(0)
        logits: Tensor = self.last(spikes)
        return logits


def test_conversion_takes_the_gradient_of_the_network_of_activations() -> None:
    x = torch.tensor([[1.0, -0.5], [3.0, 1.0]], dtype=torch.float64)
    # Currents / 2: (.5, -.25, .25) and (1.5, .5, 2). Spikes of two steps: (.5, 0, 0), (1, .5, 1).
    for rule, open_neurons in (
        (Conversion(), [(1, 0, 1), (1, 1, 1)]),
        (Conversion(activation="qcfs"), [(1, 0, 1), (0, 1, 0)]),
    ):
        with Oracle(Small(), gradient=rule) as oracle:
            logits, grad = oracle.logits_and_grad(x, lambda z: z[:, 0])
        assert logits.tolist() == [[0.5, 0.0], [5.0, -0.5]]
        for item, (a, b, c) in enumerate(open_neurons):
            assert grad[item].tolist() == [(a * 1 + c * 3) / 2, (b * 2 + c * 3) / 2]


def test_conversion_takes_the_score_at_the_spiking_networks_logits() -> None:
    x = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
    with Oracle(Small(), gradient=Conversion()) as oracle:
        _, grad = oracle.logits_and_grad(x, lambda z: z[:, 0].square() / 2)
    # The spiking logit is .5 (the converted one 1.25); times the gradient of the one above.
    assert grad[0].tolist() == pytest.approx([0.5 * 2.0, 0.5 * 1.5])


def test_a_quantised_activation_has_its_levels() -> None:
    layer = Spiking(LIF(threshold=2.0))
    from spikeproof.neurons import gradient_rule

    currents = torch.tensor([[[-1.0, 0.2, 0.3, 1.1, 5.0]]])
    with gradient_rule(Conversion(activation="qcfs", levels=4)):
        assert layer(currents).flatten().tolist() == [0.0, 0.0, 0.25, 0.5, 1.0]
    with gradient_rule(Conversion()):
        torch.testing.assert_close(layer(currents)[0, 0], currents[0, 0].clamp_min(0) / 2)


def test_a_mixture_is_the_mean_of_its_paths() -> None:
    parts = (BPTR(), HART(), Surrogate("arctan", 3.0))
    each = [torch.tensor(gradient(part)) for part in parts]
    mixed = torch.tensor(gradient(Mixture(gradients=parts)))
    torch.testing.assert_close(mixed, torch.stack(each).mean(0))
    units = [grad / grad.norm() for grad in each]
    normalised = torch.tensor(gradient(Mixture(gradients=parts, normalised=True)))
    torch.testing.assert_close(normalised, torch.stack(units).mean(0))


def test_a_path_without_a_gradient_leaves_a_normalised_mixture_to_the_others() -> None:
    low = CURRENTS / 4  # nothing fires, so BPTR is blind
    hart = torch.tensor(gradient(HART(), low))
    mixed = torch.tensor(gradient(Mixture(gradients=(BPTR(), HART()), normalised=True), low))
    torch.testing.assert_close(mixed, hart / hart.norm() / 2)
    faint = gradient(Mixture(gradients=(HART(),), normalised=True), 1e-170 * low)
    assert all(math.isfinite(value) for value in faint)


def test_smoothing_is_unbiased_on_a_linear_model() -> None:
    """Five hundred items at one point are five hundred independent estimates of eight pairs."""
    slope = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    model = nn.Linear(3, 1, bias=False).double()
    model.weight.data = slope
    with Oracle(model, gradient=Smoothing(pairs=8)) as oracle:
        _, grad = oracle.logits_and_grad(torch.zeros(500, 3).double(), lambda z: z[:, 0])
    # E[u u^T] = 1; one estimate has variance |g|^2 + g_i^2 per feature.
    error = (slope.square().sum() + slope.square()).div(8 * 500).sqrt()
    assert ((grad.mean(0, keepdim=True) - slope).abs() < 4 * error).all()
    assert len({tuple(row) for row in grad.tolist()}) == 500


def test_smoothing_sees_what_no_surrogate_sees() -> None:
    """A step function behind a detach: differences alone tell where it rises."""

    class Steps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x.detach() > 0.5).double()

    with Oracle(Steps(), gradient=Smoothing(pairs=64, noise=0.5)) as oracle:
        _, grad = oracle.logits_and_grad(
            torch.full((1, 2), 0.5).double(), lambda z: z[:, 0] - z[:, 1]
        )
        again = oracle.logits_and_grad(
            torch.full((1, 2), 0.5).double(), lambda z: z[:, 0] - z[:, 1]
        )[1]
    assert grad[0, 0] > 0.2 and grad[0, 1] < -0.2
    assert not torch.equal(grad, again)  # fresh draws at every question
