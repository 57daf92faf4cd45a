"""Training: it learns, repeats itself, leaves alone what is not its own, and says no clearly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.data import Dataset, Domain, Split
from spikeproof.models import model_digest
from spikeproof.neurons import LIF, Spiking
from spikeproof.train import Adversarial, Objective, TrainingSettings, fit
from support.small_runs import ATTACKED, ERROR, QUICK, SPARSE


def test_mixed_precision_on_a_processor_is_refused(
    model: Callable[..., Any], data: Dataset
) -> None:
    with pytest.raises(SettingError, match="mixed precision on CUDA, and the model is on cpu"):
        fit(model(), data, ERROR, epochs=1, settings=replace(QUICK, precision="bfloat16"))


@pytest.mark.parametrize(
    "objective", [ERROR, SPARSE, ATTACKED], ids=["error", "sparse", "attacked"]
)
def test_a_separable_problem_is_learnt_completely(
    model: Callable[..., Any], data: Dataset, objective: Objective
) -> None:
    net = model()
    history = fit(net, data, objective, epochs=40, settings=QUICK)
    assert history.best.validation_accuracy == 1.0
    assert (net.eval()(data.train.x).argmax(1) == data.train.y).all()
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns(model: Callable[..., Any], data: Dataset, optimizer: str) -> None:
    rate = 0.3 if optimizer == "sgd" else 0.05
    settings = TrainingSettings(
        batch_size=16, learning_rate=rate, optimizer=optimizer, weight_decay=1e-4
    )
    history = fit(model(), data, ERROR, epochs=25, settings=settings)
    assert history.best.validation_accuracy == 1.0


def test_a_spiking_network_learns(dataset: Callable[..., Dataset]) -> None:
    class Spikes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(2, 24), nn.Linear(24, 2)
            self.spikes = Spiking(LIF(leak=0.5))

        def forward(self, x: Tensor) -> Tensor:
            current = self.first(x)
            logits: Tensor = self.last(self.spikes(current.expand(6, *current.shape)).mean(0))
            return logits

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Spikes()
    x = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(16, 1)
    split = Split(x, torch.arange(32) % 2, torch.arange(32))
    data = dataset(split, split, Domain(kind="audio", shape=(2,)))
    history = fit(net, data, SPARSE, epochs=8, settings=QUICK)
    assert history.best.validation_accuracy == 1.0


@pytest.mark.parametrize("objective", [SPARSE, ATTACKED], ids=["sparse", "attacked"])
def test_the_same_arguments_give_the_same_bytes_whatever_the_global_generator(
    model: Callable[..., Any], data: Dataset, objective: Objective
) -> None:
    results = []
    for state in (0, 1):
        net = model()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(state)
            history = fit(net, data, objective, epochs=3, settings=QUICK)
        results.append((model_digest(net), history))
    assert results[0] == results[1]


def test_another_seed_gives_another_run(model: Callable[..., Any], data: Dataset) -> None:
    nets = [model(), model()]
    for seed, net in enumerate(nets):
        fit(net, data, ERROR, epochs=1, seed=seed, settings=QUICK)
    assert model_digest(nets[0]) != model_digest(nets[1])


def test_the_order_of_the_items_in_the_split_does_not_matter(
    model: Callable[..., Any], data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    turned = data.train[torch.arange(len(data.train)).flip(0)]
    nets = [model(), model()]
    for net, train in zip(nets, (data.train, turned), strict=True):
        fit(net, dataset(train, data.validation), SPARSE, epochs=2, settings=QUICK)
    assert model_digest(nets[0]) == model_digest(nets[1])


def test_the_global_generator_is_left_where_it_was(
    model: Callable[..., Any], data: Dataset
) -> None:
    before = torch.random.get_rng_state()
    fit(model(), data, ERROR, epochs=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_batches_are_of_equal_size_and_cover_every_item_once(
    data: Dataset, model: Callable[..., Any]
) -> None:
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = model()

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                seen.append(x.detach().clone())
            logits: Tensor = self.body(x)
            return logits

    fit(Watching(), data, ERROR, epochs=2, settings=TrainingSettings(batch_size=13))
    assert [len(x) for x in seen[:4]] == [10, 10, 10, 10]
    for start in (0, 4):
        whole = torch.cat(seen[start : start + 4])
        assert torch.equal(whole.sort(0).values, data.train.x.sort(0).values)
    assert not torch.equal(torch.cat(seen[:4]), torch.cat(seen[4:])), "shuffled anew every epoch"


def test_modes_and_frozen_layers_survive(model: Callable[..., Any], data: Dataset) -> None:
    net = model()
    net.body[1].eval()
    frozen = net.body[1].running_mean.clone()
    net.body[0].weight.requires_grad_(False)
    weight = net.body[0].weight.clone()
    fit(net, data, ERROR, epochs=2, settings=QUICK)
    assert net.training
    assert not net.body[1].training
    assert torch.equal(net.body[1].running_mean, frozen)
    assert torch.equal(net.body[0].weight, weight)
    assert all(p.grad is None for p in net.parameters())


def test_a_model_in_evaluation_mode_is_trained_in_training_mode_and_given_back(
    model: Callable[..., Any], data: Dataset
) -> None:
    net = model().eval()
    fit(net, data, ERROR, epochs=1, settings=QUICK)
    assert not any(module.training for module in net.modules())
    assert net.modes[0]
    assert int(net.body[1].num_batches_tracked) == 3


def test_training_runs_inside_no_grad(model: Callable[..., Any], data: Dataset) -> None:
    with torch.no_grad():
        history = fit(model(), data, SPARSE, epochs=2, settings=QUICK)
    assert history.epochs[0].loss > history.epochs[1].loss


def test_attacks_in_training_draw_anew_every_epoch_and_in_validation_never(
    model: Callable[..., Any], data: Dataset
) -> None:
    drawn: list[tuple[bool, dict[float, int]]] = []

    class Spy:
        def __call__(self, oracle: Any, x: Tensor, *rest: Any, seeds: Any) -> Tensor:
            keys = zip(x[:, 0].tolist(), seeds.values.tolist(), strict=True)
            drawn.append((bool((x[0] == data.train.x).all(1).any()), dict(keys)))
            return x

    spied = Objective(ERROR.terms, inputs=Adversarial(Spy(), ATTACKED.inputs.threat))
    settings = TrainingSettings(batch_size=100)
    fit(model(), data, spied, epochs=2, settings=settings)
    first, judged, second, again = (keys for _, keys in drawn)
    assert [train for train, _ in drawn] == [True, False, True, False]
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert judged == again
    drawn.clear()
    fit(model(), data, spied, epochs=1, settings=TrainingSettings(batch_size=10))
    whole = {item: key for train, keys in drawn if train for item, key in keys.items()}
    assert whole == first, "the key belongs to the item, not to the batch"


def test_one_step_of_sgd_is_the_textbook_step(
    data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Linear(4, 2)
    weight = net.weight.detach().clone()
    four = dataset(data.train[:4], data.validation)
    loss, _ = ERROR(net, four.train.x, four.train.y)
    (grad,) = torch.autograd.grad(loss, net.weight)
    settings = TrainingSettings(learning_rate=0.3, optimizer="sgd", batch_size=4)
    fit(net, four, ERROR, epochs=1, settings=settings)
    torch.testing.assert_close(net.weight.detach(), weight - 0.3 * grad)


def test_a_clipped_gradient_moves_the_weights_by_at_most_rate_times_clip(
    data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Linear(4, 2)
    before = torch.cat([p.detach().flatten() for p in net.parameters()])
    settings = TrainingSettings(
        learning_rate=0.5, optimizer="sgd", batch_size=64, gradient_clip=1e-3
    )
    fit(net, dataset(data.train, data.validation), ERROR, epochs=1, settings=settings)
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.5e-3, rel=1e-3)


def spoilt(data: Dataset, dataset: Callable[..., Dataset], **change: Tensor) -> Dataset:
    """The data with a field of the training split replaced."""
    fields = {"x": data.train.x, "y": data.train.y, "items": data.train.items, **change}
    return dataset(Split(**fields), data.validation)


def test_items_that_cannot_be_trained_on_are_refused_before_any_work(
    model: Callable[..., Any], data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    x = data.train.x.clone()
    x[3, 1] = math.nan
    cases = [
        (spoilt(data, dataset, x=x), "data.train.x holds 1 values that are not finite.*item 3"),
        (spoilt(data, dataset, x=data.train.x + 1), "data.train.x must lie in"),
        (spoilt(data, dataset, x=data.train.x[:, :3]), "data.train.x must have shape"),
        (spoilt(data, dataset, y=data.train.y + 1), "Labels must lie in"),
        (spoilt(data, dataset, y=data.train.y[:-1]), "39 labels for 40 items"),
    ]
    for broken, sentence in cases:
        net = model()
        with pytest.raises(InputError, match=sentence):
            fit(net, broken, ERROR, epochs=1)
        assert not net.modes


def test_calls_that_make_no_sense_are_refused(
    model: Callable[..., Any], data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    with pytest.raises(SettingError, match="epochs must be a whole number"):
        fit(model(), data, ERROR, epochs=0)
    with torch.inference_mode(), pytest.raises(InputError, match="fit needs gradients, and torch"):
        fit(model(), data, ERROR, epochs=1)
    with pytest.raises(SettingError, match="no parameter of the model requires grad"):
        fit(model().requires_grad_(False), data, ERROR, epochs=1)
    with pytest.raises(SettingError, match="training split is empty"):
        fit(model(), dataset(data.train[:0], data.validation), ERROR, epochs=1)
    empty = dataset(data.train, data.validation[:0])
    with pytest.raises(SettingError, match="needs validation items"):
        fit(model(), empty, ERROR, epochs=1)
    last = fit(model(), empty, ERROR, epochs=2, settings=TrainingSettings(select="last"))
    assert (last.best_epoch, last.best.validation_accuracy) == (2, None)
