"""Firing rates, dead and saturated units on traces worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.metrics import Activity, activity
from spikeproof.neurons import LIF, NoisyLIF, Spiking


class Net(nn.Module):
    """Currents straight into a spiking layer; three more layers around it."""

    def __init__(self, timesteps: int = 4) -> None:
        super().__init__()
        self.timesteps = timesteps
        self.hidden = Spiking(LIF(leak=0.5))
        self.unused = Spiking(LIF())
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(x.expand(self.timesteps, *x.shape)).mean(0)


def by_hand() -> tuple[Tensor, Activity]:
    """Four units: always, never, only for item 0, and every second step. Two items, four steps."""
    x = torch.tensor([[5.0, 0.0, 5.0, 0.75], [5.0, 0.0, 0.0, 0.75]])
    return x, Activity(rate=(8 + 0 + 4 + 4) / 32, dead=0.25, saturated=0.25, units=4)


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_the_batch_size_never_changes_the_activity(batch_size: int) -> None:
    x, expected = by_hand()
    assert activity(Net(), x, batch_size=batch_size) == {"hidden": expected}


def test_an_uneven_last_batch_is_weighted_by_its_items() -> None:
    x, _ = by_hand()
    x = torch.cat([x, x[:1]])
    assert activity(Net(), x, batch_size=2) == activity(Net(), x, batch_size=3)


def test_a_unit_that_fires_for_one_item_of_the_sample_is_not_dead() -> None:
    x = torch.zeros(40, 1)
    x[37] = 5.0
    assert activity(Net(), x)["hidden"].dead == 0.0
    assert activity(Net(), x[:37])["hidden"].dead == 1.0


def test_the_model_is_left_as_it_was_also_after_an_error() -> None:
    x, _ = by_hand()
    model = Net().train()
    model.norm.eval()
    activity(model, x)
    model.timesteps = 0
    with pytest.raises(InputError):
        activity(model, x)
    assert model.training
    assert not model.norm.training
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_of_two_shapes_and_an_empty_sample_are_refused() -> None:
    class Twice(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.hidden(x[None])
            return self.hidden(x[None, :, :1]).mean(0)

    with pytest.raises(InputError, match="hidden"):
        activity(Twice(), torch.ones(2, 3))
    with pytest.raises(InputError, match="at least one item"):
        activity(Net(), torch.ones(0, 3))
    with pytest.raises(SettingError, match="batch_size"):
        activity(Net(), torch.ones(1, 3), batch_size=0)


def test_a_layer_called_twice_counts_both_calls() -> None:
    class Again(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.hidden(torch.zeros(4, *x.shape))
            return super().forward(x)

    once, twice = (activity(kind(), torch.full((3, 2), 5.0))["hidden"] for kind in (Net, Again))
    assert (once.rate, twice.rate) == (1.0, 0.5)


@pytest.mark.parametrize("batch_size", [3, 256])
def test_what_a_network_draws_belongs_to_the_items(batch_size: int) -> None:
    net = Net()
    net.hidden = Spiking(NoisyLIF(noise=1.0))
    x, items = torch.full((12, 4), 0.5), torch.arange(12) + 100
    torch.manual_seed(batch_size)
    before = torch.get_rng_state()
    found = activity(net, x, items=items, batch_size=batch_size)
    assert torch.equal(torch.get_rng_state(), before)
    assert found == activity(net, x.flip(0), items=items.flip(0))
    assert found != activity(net, x), "other items draw otherwise"


def test_items_are_as_many_as_inputs() -> None:
    with pytest.raises(InputError, match="activity got 3 inputs, but the numbers of 2 items"):
        activity(Net(), torch.zeros(3, 4), items=torch.arange(2))
