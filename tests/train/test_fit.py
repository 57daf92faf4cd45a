"""Training: it learns, repeats itself, keeps its hands off the test items, and says no clearly."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, InputError, SettingError
from spikeproof.data import Dataset, Domain, Split
from spikeproof.models import model_digest
from spikeproof.neurons import LIF, Spiking
from spikeproof.threats import Linf, Threat
from spikeproof.train import (
    Adversarial,
    CrossEntropy,
    Epoch,
    History,
    Objective,
    Pass,
    SparseGradient,
    Training,
    fit,
)

ERROR = Objective({"error": (1.0, CrossEntropy())})
SPARSE = Objective({"error": (1.0, CrossEntropy()), "sparse": (0.01, SparseGradient())})
ATTACKED = Objective(
    {"error": (1.0, CrossEntropy())},
    inputs=Adversarial(
        PGD(steps=3, step_size=0.5), Threat(Linf(), 0.05, Domain(kind="audio", shape=(4,)))
    ),
)
QUICK = Training(batch_size=16, learning_rate=0.05)


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
    settings = Training(batch_size=16, learning_rate=rate, optimizer=optimizer, weight_decay=1e-4)
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

    fit(Watching(), data, ERROR, epochs=2, settings=Training(batch_size=13))
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


def test_selection_takes_the_best_accuracy_then_the_lower_loss_then_the_earlier(
    model: Callable[..., Any], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spikeproof.train.measure import Measured
    from spikeproof.train.run import Run

    script = [(0.5, 0.1), (0.8, 0.9), (0.8, 0.7), (0.8, 0.7), (0.7, 0.0)]
    weights = {}

    def measure(self: Run, number: int) -> Measured:
        weights[number] = model_digest(self.model)
        accuracy, loss = script[number - 1]
        return Measured(validation_accuracy=accuracy, validation_loss=loss, clean_accuracy=0.0)

    monkeypatch.setattr(Run, "_measure", measure)
    net = model()
    history = fit(net, data, ERROR, epochs=5, settings=QUICK)
    assert history.best_epoch == 3
    assert model_digest(net) == weights[3]
    net = model()
    last = Training(batch_size=16, learning_rate=0.05, select="last")
    assert fit(net, data, ERROR, epochs=5, settings=last).best_epoch == 5
    assert model_digest(net) == weights[5]


def test_adversarial_training_is_judged_on_adversarial_inputs_unless_told_otherwise(
    model: Callable[..., Any], data: Dataset
) -> None:
    strong = Objective(
        ATTACKED.terms,
        inputs=Adversarial(
            PGD(steps=5, step_size=0.5), Threat(Linf(), 0.4, Domain(kind="audio", shape=(4,)))
        ),
    )
    judged = fit(model(), data, strong, epochs=2, settings=QUICK).epochs[-1]
    assert judged.validation_accuracy is not None
    assert judged.clean_accuracy is not None
    assert judged.validation_accuracy < judged.clean_accuracy
    clean = Training(batch_size=16, learning_rate=0.05, select="clean")
    plain = fit(model(), data, strong, epochs=2, settings=clean).epochs[-1]
    assert plain.validation_accuracy == plain.clean_accuracy == judged.clean_accuracy


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
    settings = Training(batch_size=100)
    fit(model(), data, spied, epochs=2, settings=settings)
    first, judged, second, again = (keys for _, keys in drawn)
    assert [train for train, _ in drawn] == [True, False, True, False]
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert judged == again
    drawn.clear()
    fit(model(), data, spied, epochs=1, settings=Training(batch_size=10))
    whole = {item: key for train, keys in drawn if train for item, key in keys.items()}
    assert whole == first, "the key belongs to the item, not to the batch"


def test_a_tied_validation_item_is_wrong(data: Dataset) -> None:
    with torch.random.fork_rng(devices=[]):
        flat = nn.Linear(4, 2)
    nn.init.zeros_(flat.weight)
    nn.init.zeros_(flat.bias)
    slow = Training(learning_rate=1e-300, optimizer="sgd", momentum=0.0)
    history = fit(flat, data, ERROR, epochs=1, settings=slow)
    assert history.best.validation_accuracy == 0.0


def test_the_cosine_falls_from_the_rate_to_zero_and_the_constant_stays() -> None:
    cosine = Training(learning_rate=0.2)
    rates = [cosine.rate(step, 10) for step in range(11)]
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(0.0, abs=1e-15)
    assert rates == sorted(rates, reverse=True)
    assert Training(learning_rate=0.2, schedule="constant").rate(9, 10) == 0.2


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
    settings = Training(learning_rate=0.3, optimizer="sgd", batch_size=4)
    fit(net, four, ERROR, epochs=1, settings=settings)
    torch.testing.assert_close(net.weight.detach(), weight - 0.3 * grad)


def test_a_clipped_gradient_moves_the_weights_by_at_most_rate_times_clip(
    data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Linear(4, 2)
    before = torch.cat([p.detach().flatten() for p in net.parameters()])
    settings = Training(learning_rate=0.5, optimizer="sgd", batch_size=64, gradient_clip=1e-3)
    fit(net, dataset(data.train, data.validation), ERROR, epochs=1, settings=settings)
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.5e-3, rel=1e-3)


def test_the_record_is_plain_and_leaves_out_the_time(
    model: Callable[..., Any], data: Dataset
) -> None:
    history = fit(model(), data, SPARSE, epochs=2, settings=QUICK)
    record = history.record()
    assert set(record) == {"epochs", "best_epoch", "history", "parameters"}
    assert record["epochs"] == len(record["history"]) == 2
    assert record["parameters"] == sum(p.numel() for p in model().parameters())
    assert set(record["history"][0]["parts"]) == {"error", "sparse"}
    assert history.seconds > 0
    assert History(**{**vars(history), "seconds": 0.0}) == history


def test_the_hook_hears_every_epoch(model: Callable[..., Any], data: Dataset) -> None:
    heard: list[tuple[int, int, Mapping[str, float]]] = []
    fit(model(), data, SPARSE, epochs=3, settings=QUICK, progress=lambda *a: heard.append(a))
    assert [(epoch, epochs) for epoch, epochs, _ in heard] == [(1, 3), (2, 3), (3, 3)]
    shown = {"loss", "error", "sparse", "training_accuracy", "validation_accuracy"}
    assert set(heard[0][2]) == shown


def test_a_bar_is_drawn_on_standard_error_when_asked_for(
    model: Callable[..., Any], data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(model(), data, ERROR, epochs=2, settings=QUICK, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "2/2" in shown.err
    fit(model(), data, ERROR, epochs=1, settings=QUICK)
    assert capsys.readouterr().err == "", "no bar where standard error is not a terminal"


def test_a_loss_that_is_not_finite_names_epoch_step_items_and_parts(
    data: Dataset, model: Callable[..., Any]
) -> None:
    class Trap:
        calls = 0

        def __call__(self, clean: Pass) -> Tensor:
            Trap.calls += 1
            value = clean.logits.sum() * 0
            return value + math.nan if Trap.calls == 7 else value  # 3 steps, 2 looks, 2nd step

    net = model()
    objective = Objective({"error": (1.0, CrossEntropy()), "trap": (1.0, Trap())})
    with pytest.raises(Diverged) as caught:
        fit(net, data, objective, epochs=3, settings=QUICK)
    sentence = str(caught.value)
    assert "epoch 2, step 2" in sentence
    assert "trap nan" in sentence
    assert "error 0." in sentence
    assert "gradient_clip" in sentence
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert net.training


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change(data: Dataset) -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale.sqrt() * x[:, :2]

    net = Root()
    with pytest.raises(Diverged, match="gradient norm"):
        fit(net, data, ERROR, epochs=1)
    assert net.scale.item() == 0.0
    assert net.scale.grad is None


def test_weights_that_ran_away_are_a_divergence_also_under_attack(data: Dataset) -> None:
    with torch.random.fork_rng(devices=[]):
        net = nn.Linear(4, 2)
    settings = Training(learning_rate=1e38, optimizer="sgd", batch_size=8)
    with pytest.raises(Diverged, match="epoch 1"):
        fit(net, data, ATTACKED, epochs=2, settings=settings)


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
    with pytest.raises(SettingError, match="no parameter of the model requires grad"):
        fit(model().requires_grad_(False), data, ERROR, epochs=1)
    with pytest.raises(SettingError, match="training split is empty"):
        fit(model(), dataset(data.train[:0], data.validation), ERROR, epochs=1)
    empty = dataset(data.train, data.validation[:0])
    with pytest.raises(SettingError, match="needs validation items"):
        fit(model(), empty, ERROR, epochs=1)
    last = fit(model(), empty, ERROR, epochs=2, settings=Training(select="last"))
    assert (last.best_epoch, last.best.validation_accuracy) == (2, None)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"momentum": 1.0}, "momentum must lie in"),
        ({"weight_decay": -0.1}, "weight_decay must be finite"),
        ({"gradient_clip": 0.0}, "gradient_clip must be positive"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"schedule": "cos"}, "Did you mean 'cosine'"),
        ({"select": "best"}, "Training.select"),
    ],
)
def test_training_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        Training(**settings)


def test_training_settings_rebuild_from_their_repr() -> None:
    settings = Training(optimizer="sgd", gradient_clip=1.0)
    assert eval(repr(settings)) == settings


def test_a_terminal_gets_the_bar_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikeproof.train.progress import reporting

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with reporting(None, 0, 2) as report:
        epoch = Epoch(
            epoch=1,
            loss=0.5,
            parts={},
            learning_rate=0.1,
            validation_accuracy=None,
            validation_loss=None,
            clean_accuracy=None,
            warnings={"dead a": "Layer a is dead."},
        )
        report(epoch, 2)
    assert "1/2" in terminal.getvalue()
    assert terminal.getvalue().count("epoch 1: Layer a is dead.") == 1
