"""The modes of a model, the check of its answer, and its spiking layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.models import check_logits, evaluating, spiking_layers
from spikeproof.neurons import IF, LIF, Spiking


class Stubborn(nn.Module):
    """A module whose train() does nothing."""

    def train(self, mode: bool = True) -> Stubborn:
        return self


def test_every_module_is_in_evaluation_mode_inside_and_has_its_own_mode_afterwards() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2), Stubborn())
    model[1].eval()
    modes = [module.training for module in model.modules()]
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes == [True, True, False, True]


def test_modes_come_back_after_an_error() -> None:
    model = nn.Dropout()
    with pytest.raises(ZeroDivisionError), evaluating(model):
        1 / 0  # noqa: B018
    assert model.training


@pytest.mark.parametrize(
    ("logits", "got"),
    [
        (torch.zeros(3, 2, 4), r"\(3, 2, 4\)"),
        (torch.zeros(2, 4), r"\(2, 4\)"),
        (torch.zeros(3), r"\(3,\)"),
        (torch.zeros(3, 1), r"\(3, 1\)"),
        ([0.0], "list"),
    ],
)
def test_what_is_not_logits_of_the_items_is_refused(logits: object, got: str) -> None:
    with pytest.raises(InputError, match=rf"N = 3 and K >= 2, items first; got {got}"):
        check_logits(logits, 3, classes=2)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_the_first_item_without_finite_logits_is_named(value: float) -> None:
    logits = torch.zeros(4, 2)
    logits[2:, 1] = value
    with pytest.raises(InputError, match="first for item 2 of a batch of 4"):
        check_logits(logits, 4)
    assert check_logits(logits, 4, finite=False) is logits


def test_spiking_layers_are_found_by_name_each_once() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = Spiking(LIF())
            self.block = nn.Sequential(nn.Linear(2, 2), Spiking(IF()))
            self.again = self.one

        def forward(self, x: Tensor) -> Tensor:
            return x

    model = Net()
    assert spiking_layers(model) == {"one": model.one, "block.1": model.block[1]}
    assert spiking_layers(nn.Linear(1, 1)) == {}
    assert list(spiking_layers(model.one)) == [""]
