"""Size and sparsity of gradients against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spikeproof.base import InputError, SettingError
from spikeproof.metrics import gradient_measures, true_class_gradient
from spikeproof.oracle import Oracle


def test_the_measures_of_a_small_gradient_are_those_by_hand() -> None:
    found = gradient_measures(torch.tensor([[3.0, 0.0, -4.0, 0.0]]).view(1, 2, 2), top=0.25)
    by_hand = {"l0": 2, "l1": 7, "l2": 5, "linf": 4, "participation": 49 / 25, "top_share": 4 / 7}
    for name, value in by_hand.items():
        assert getattr(found, name).item() == pytest.approx(value), name


def test_the_tolerance_is_relative_to_the_largest_entry_of_each_item() -> None:
    grad = torch.tensor([[1.0, 1e-7, 1e-3], [1e-4, 1e-11, 1e-7]])
    assert gradient_measures(grad).l0.tolist() == [2.0, 2.0]
    assert gradient_measures(grad, tolerance=0.0).l0.tolist() == [3.0, 3.0]
    assert gradient_measures(grad, tolerance=0.01).l0.tolist() == [1.0, 1.0]


def test_only_l0_participation_and_top_share_ignore_scale() -> None:
    grad = torch.randn(5, 3, 4)
    one, ten = gradient_measures(grad), gradient_measures(10 * grad)
    for name in ("l0", "participation", "top_share"):
        torch.testing.assert_close(getattr(one, name), getattr(ten, name), rtol=1e-5, atol=0)
    for name in ("l1", "l2", "linf"):
        torch.testing.assert_close(10 * getattr(one, name), getattr(ten, name), rtol=1e-5, atol=0)


def test_a_zero_gradient_has_no_participation() -> None:
    found = gradient_measures(torch.zeros(1, 4))
    assert found.l0.item() == 0.0
    assert math.isnan(found.participation.item())
    assert math.isnan(found.top_share.item())


def test_the_true_class_gradient_is_that_of_the_softmax(linear: nn.Module) -> None:
    x = torch.rand(4, 1, 2, 3, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 1])
    with Oracle(linear) as oracle:
        grad = true_class_gradient(oracle, x, y)
    weight = linear.weight.detach()
    share = linear(x).detach().softmax(1)
    own = share.gather(1, y[:, None])
    by_hand = own * (weight[y] - share @ weight)
    torch.testing.assert_close(grad.flatten(1), by_hand)


def test_a_confident_float32_model_keeps_its_gradient() -> None:
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[30.0, 0.0], [0.0, 0.0]]))
    with Oracle(model) as oracle:
        grad = true_class_gradient(oracle, torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    by_hand = 30 * math.exp(-30.0)
    assert grad[0, 0].item() == pytest.approx(by_hand, rel=1e-5)


def test_labels_and_settings_that_do_not_fit_are_refused() -> None:
    with Oracle(nn.Linear(2, 2)) as oracle, pytest.raises(InputError, match="Labels"):
        true_class_gradient(oracle, torch.zeros(1, 2), torch.tensor([2]))
    with pytest.raises(SettingError, match="tolerance"):
        gradient_measures(torch.ones(1, 2), tolerance=1.0)
    with pytest.raises(InputError, match="finite"):
        gradient_measures(torch.tensor([[math.inf]]))
    with pytest.raises(InputError, match=r"\(N, \.\.\.\)"):
        gradient_measures(torch.ones(3))
