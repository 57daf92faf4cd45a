"""The oracle: exact gradients, exact counts, and a model left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import LIF, Spiking, Surrogate
from spikeproof.oracle import Oracle, Passes


class Tiny(nn.Module):
    """Linear, batch norm, one spiking step, dropout, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 8)
        self.norm = nn.BatchNorm1d(8)
        self.spikes = Spiking(LIF())
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        current = self.norm(self.first(x)).expand(3, len(x), 8)
        logits: Tensor = self.last(self.drop(self.spikes(current).mean(0)))
        return logits


def bits(model: nn.Module) -> dict[str, bytes]:
    """Every parameter and buffer as bytes."""
    return {name: t.detach().numpy().tobytes() for name, t in model.state_dict().items()}


def test_it_leaves_modes_weights_buffers_and_grads_as_they_were() -> None:
    model = Tiny().train()
    model.norm.eval()  # a frozen layer must stay frozen
    before, modes = bits(model), [m.training for m in model.modules()]

    def attack_and_fail() -> None:
        with Oracle(model) as oracle:
            oracle.logits_and_grad(torch.rand(5, 3), lambda z: z[:, 0])
            assert not any(m.training for m in model.modules())
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        attack_and_fail()
    assert bits(model) == before
    assert [m.training for m in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())


def test_the_path_sets_the_gradient_and_not_the_logits() -> None:
    model, x = Tiny(), torch.rand(6, 3)
    results = {}
    for gradient in (None, Surrogate("triangle", 1.0), Surrogate("sigmoid", 4.0)):
        with Oracle(model, gradient=gradient) as oracle:
            results[gradient] = oracle.logits_and_grad(x, lambda z: z[:, 1])
    logits = [r[0] for r in results.values()]
    assert torch.equal(logits[0], logits[1]) and torch.equal(logits[0], logits[2])
    own, same, other = (r[1] for r in results.values())
    assert torch.equal(own, same)
    assert not torch.allclose(own, other)


def test_an_items_gradient_does_not_depend_on_its_batch_mates() -> None:
    model, x = Tiny().double(), torch.rand(6, 3, dtype=torch.float64)
    with Oracle(model) as oracle:
        _, together = oracle.logits_and_grad(x, lambda z: z[:, 0])
        _, alone = oracle.logits_and_grad(x[2:3], lambda z: z[:, 0])
    torch.testing.assert_close(together[2:3], alone, rtol=1e-12, atol=1e-12)


def test_passes_are_counted_per_item() -> None:
    with Oracle(Tiny()) as oracle:
        oracle.logits(torch.rand(5, 3))
        oracle.logits_and_grad(torch.rand(2, 3), lambda z: z[:, 0])
    assert oracle.passes == Passes(forward=7, backward=2)
    assert Passes(1, 2) + Passes(3, 4) == Passes(4, 6)


def test_the_input_gets_no_gradient_of_its_own() -> None:
    x = torch.rand(2, 3)
    with Oracle(Tiny()) as oracle:
        oracle.logits_and_grad(x, lambda z: z[:, 0])
    assert not x.requires_grad and x.grad is None


@pytest.mark.parametrize("where", ["input", "logits"])
def test_a_detached_model_is_refused_with_the_reason(where: str) -> None:
    class Detached(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            if where == "input":  # the weights still ask for a gradient, the input does not
                return super().forward(x.detach())
            return super().forward(x).detach()

    with Oracle(Detached()) as oracle, pytest.raises(InputError, match="No gradient reaches"):
        oracle.logits_and_grad(torch.rand(2, 3), lambda z: z[:, 0])


def test_inference_mode_is_named_and_not_the_model() -> None:
    with torch.inference_mode(), Oracle(Tiny()) as oracle:
        assert oracle.logits(torch.rand(2, 3)).shape == (2, 4)
        with pytest.raises(
            InputError, match=r"An attack needs gradients, and torch.inference_mode"
        ):
            oracle.logits_and_grad(torch.rand(2, 3), lambda z: z[:, 0])
    with torch.inference_mode():
        made = Tiny()
    with Oracle(made) as oracle, pytest.raises(InputError, match="weights were made inside torch"):
        oracle.logits_and_grad(torch.rand(2, 3), lambda z: z[:, 0])


def test_nan_logits_are_refused_rather_than_scored_as_broken() -> None:
    class Broken(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * float("nan")

    with Oracle(Broken()) as oracle, pytest.raises(InputError, match="not finite"):
        oracle.logits(torch.rand(2, 3))


def test_a_gradient_that_is_not_finite_is_refused() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sqrt()

    with Oracle(Root()) as oracle, pytest.raises(InputError, match="item 1 is not finite"):
        oracle.logits_and_grad(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), lambda z: z[:, 0])


def test_outputs_with_a_time_axis_are_refused() -> None:
    class Timed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.expand(4, *x.shape)

    with Oracle(Timed()) as oracle, pytest.raises(InputError, match="logits \\(N, K\\)"):
        oracle.logits(torch.rand(2, 3))


def test_it_works_only_inside_its_block() -> None:
    oracle = Oracle(Tiny())
    with pytest.raises(SettingError, match="Open the oracle first"):
        oracle.logits(torch.rand(1, 3))
