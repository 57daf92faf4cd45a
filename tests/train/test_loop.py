"""The loop around an objective: schedules, averages, exams, patience, watchdogs, logs, cards."""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, FileProblem, SettingError, seeds
from spikeproof.data import Dataset, Domain
from spikeproof.models import model_digest
from spikeproof.neurons import LIF, Spiking
from spikeproof.threats import L2, Goal, Linf, Threat
from spikeproof.train import (
    EAT,
    LOG,
    WALL,
    Adversarial,
    Assignment,
    CrossEntropy,
    Epoch,
    Exam,
    Objective,
    TensorBoard,
    Training,
    card,
    estimate,
    fit,
    load_failure,
    write_card,
)
from spikeproof.train.average import Average
from spikeproof.train.measure import Measured
from spikeproof.train.run import Run
from spikeproof.train.watch import Tally, warnings_of

ERROR = Objective({"error": (1.0, CrossEntropy())})
QUICK = Training(batch_size=16, learning_rate=0.05)
DOMAIN = Domain(kind="audio", shape=(4,))
NEAR = Threat(Linf(), 0.05, DOMAIN)
FAR = Threat(Linf(), 0.4, DOMAIN)

Maker = Callable[..., Any]


def test_warm_up_rises_linearly_and_the_schedule_takes_over() -> None:
    cosine = Training(learning_rate=0.4, warmup=0.2)
    rates = [cosine.rate(step, 20) for step in range(20)]
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates[4] == 0.4
    assert rates[12] == pytest.approx(0.2)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_the_step_schedule_drops_at_its_milestones() -> None:
    steps = Training(learning_rate=1.0, schedule="step", milestones=(0.5, 0.8), drop=0.1)
    rates = [round(steps.rate(step, 10), 6) for step in range(10)]
    assert rates == [1.0] * 5 + [0.1] * 3 + [0.01] * 2


def test_settings_survive_a_record_of_lists() -> None:
    settings = Training(schedule="step", milestones=(0.3, 0.6))
    assert Training(**json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup": 1.0}, r"Training.warmup must lie in \[0, 1\)"),
        ({"average": 1.0}, r"average must lie in \(0, 1\)"),
        ({"milestones": (0.5, 1.2)}, r"milestones and average must lie in \(0, 1\)"),
        ({"drop": 0.0}, "drop must be positive"),
        ({"patience": 0}, "patience must be a whole number >= 1"),
        ({"patience": 3, "select": "last"}, "patience waits for a better epoch"),
        ({"precision": "bf16"}, "Did you mean 'bfloat16'"),
        ({"keep": "averages"}, "Did you mean 'average'"),
        ({"select": "unions"}, "Did you mean 'union'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Training(**settings)


def test_the_average_follows_its_formula_and_is_what_the_run_ends_with(
    model: Maker, data: Dataset
) -> None:
    class Kept(Average):
        seen: ClassVar[list[dict[str, Tensor]]] = []

        def update(self, model: nn.Module, step: int) -> None:
            super().update(model, step)
            Kept.seen.append({n: t.clone() for n, t in model.state_dict().items()})

    first = {name: t.clone() for name, t in model().state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spikeproof.train.run.Average", Kept)
        nets = {}
        for keep in ("average", "weights"):
            Kept.seen = []
            nets[keep] = model()
            settings = replace(QUICK, average=0.6, keep=keep, select="last")
            fit(nets[keep], data, ERROR, epochs=3, settings=settings)
    expected = first["body.0.weight"]
    for step, weights in enumerate(Kept.seen):
        share = min(0.6, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * weights["body.0.weight"]
    torch.testing.assert_close(nets["average"].body[0].weight.detach(), expected)
    assert torch.equal(nets["weights"].body[0].weight, Kept.seen[-1]["body.0.weight"])
    plain = model()
    fit(plain, data, ERROR, epochs=3, settings=replace(QUICK, select="last"))
    assert model_digest(plain) == model_digest(nets["weights"]), "averaging changes no step"


def test_an_exam_counts_what_stands_under_each_threat_and_under_all() -> None:
    flat = nn.Linear(4, 2, bias=False)
    flat.weight.data.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]))
    gap = torch.tensor([0.05, 0.15, 0.5, -0.2])
    x = torch.full((4, 4), 0.5)
    x[:, 0] += gap
    # The margin falls by 2 radius under l_inf, and by sqrt(2) radius under l_2.
    exam = Exam(threats=(Threat(Linf(), 0.05, DOMAIN), Threat(L2(), 0.2, DOMAIN)))
    found = exam(flat, x, torch.zeros(4, dtype=torch.int64), seeds=seeds(0, n=4))
    assert {name: stands.tolist() for name, stands in found.items()} == {
        "linf 0.05": [False, True, True, False],
        "l2 0.2": [False, False, True, False],
    }


@pytest.mark.parametrize("select", ["objective", "clean", "union"])
def test_several_threats_are_judged_by_the_worst_beside_an_exam(
    model: Maker, data: Dataset, select: str
) -> None:
    attack = PGD(steps=5, step_size=0.5, random_start=False)
    threats = Threat(Linf(), 0.1, DOMAIN), Threat(L2(), 0.25, DOMAIN)
    inputs = EAT(tuple(Adversarial(attack, threat) for threat in threats))
    objective = Objective({"error": (1.0, CrossEntropy())}, inputs=inputs)
    net, exam = model(), Exam(threats=(NEAR, FAR))
    settings = replace(QUICK, select=select)
    best = fit(net, data, objective, epochs=1, exam=exam, settings=settings).best
    x, y = data.validation.x, data.validation.y
    net.eval()
    stands = Goal(y).margin(net(x)) <= 0
    clean = float(stands.double().mean())
    for member in inputs.members:
        x_adv = member(net, x, y, seeds=seeds(0, n=len(x)))
        stands &= Goal(y).margin(net(x_adv)) <= 0
    expected = {"objective": float(stands.double().mean()), "clean": clean, "union": best.union}
    assert best.validation_accuracy == pytest.approx(expected[select])
    assert best.clean_accuracy == pytest.approx(clean)
    assert set(best.robust) == {"linf 0.05", "linf 0.4"}


def test_union_and_robust_selection_go_by_the_exam(
    model: Maker, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = Exam(threats=(NEAR, FAR), items=15)
    union = fit(model(), data, ERROR, epochs=3, exam=exam, settings=replace(QUICK, select="union"))
    robust = fit(
        model(), data, ERROR, epochs=3, exam=exam, settings=replace(QUICK, select="robust")
    )
    for one, two in zip(union.epochs, robust.epochs, strict=True):
        assert one.robust == two.robust and list(one.robust) == ["linf 0.05", "linf 0.4"]
        assert one.union == one.validation_accuracy <= min(one.robust.values())
        assert two.validation_accuracy == pytest.approx(sum(two.robust.values()) / 2)
        assert one.robust["linf 0.4"] <= one.robust["linf 0.05"]
        assert one.union * 15 == pytest.approx(round(one.union * 15))
    best = max(epoch.union for epoch in union.epochs if epoch.union is not None)
    assert union.best.union == best
    with pytest.raises(SettingError, match="select='union'.* needs an exam"):
        fit(model(), data, ERROR, epochs=1, settings=replace(QUICK, select="union"))
    with pytest.raises(SettingError, match="at least one threat, each once"):
        Exam(threats=(NEAR, NEAR))


def test_patience_stops_after_so_many_epochs_without_a_better_one(
    model: Maker, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [0.5, 0.8, 0.7, 0.6, 0.9, 0.9]

    def measure(self: Run, number: int) -> Measured:
        return Measured(
            validation_accuracy=script[number - 1], validation_loss=1.0, clean_accuracy=0.0
        )

    monkeypatch.setattr(Run, "_measure", measure)
    short = fit(model(), data, ERROR, epochs=6, settings=replace(QUICK, patience=2))
    assert (len(short.epochs), short.best_epoch) == (4, 2)
    long = fit(model(), data, ERROR, epochs=6, settings=replace(QUICK, patience=3))
    assert (len(long.epochs), long.best_epoch) == (6, 5)


def test_mixed_precision_on_a_processor_is_refused(model: Maker, data: Dataset) -> None:
    with pytest.raises(SettingError, match="mixed precision on CUDA, and the model is on cpu"):
        fit(model(), data, ERROR, epochs=1, settings=replace(QUICK, precision="bfloat16"))


def test_passes_are_counted_as_the_cost_lines_say(model: Maker, data: Dataset) -> None:
    attacked = Objective(ERROR.terms, inputs=Adversarial(PGD(steps=3), NEAR))
    for objective, forward, backward in ((ERROR, 1, 1), (attacked, 6, 4)):
        (epoch,) = fit(model(), data, objective, epochs=1, settings=QUICK).epochs
        n, v = len(data.train), len(data.validation)
        # Validation: the objective's passes, the clean ones where they differ, the watched ones.
        looks, back = (2 * v, 0) if objective is ERROR else (8 * v, 3 * v)
        assert (epoch.forward, epoch.backward) == (forward * n + looks, backward * n + back)


def test_training_accuracy_is_that_of_the_steps(data: Dataset) -> None:
    flat = nn.Linear(4, 2)
    nn.init.zeros_(flat.weight)
    flat.bias.data.copy_(torch.tensor([1.0, 0.0]))
    slow = Training(learning_rate=1e-300, optimizer="sgd", momentum=0.0)
    (epoch,) = fit(flat, data, ERROR, epochs=1, settings=slow).epochs
    assert epoch.training_accuracy == pytest.approx(float((data.train.y == 0).double().mean()))


class Spikes(nn.Module):
    """Two spiking layers on currents that are set by hand."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 2))
        self.currents = (first, second)
        self.one, self.two = Spiking(LIF()), Spiking(LIF())

    def forward(self, x: Tensor) -> Tensor:
        ones = torch.ones(3, len(x), 5)
        spikes = self.one(ones * self.currents[0]) + self.two(ones * self.currents[1])
        return x @ self.weight + 0 * spikes.sum()


def test_dead_and_saturated_layers_are_reported_once(data: Dataset) -> None:
    history = fit(Spikes(0.0, 50.0), data, ERROR, epochs=3, settings=QUICK)
    assert [sorted(epoch.warnings) for epoch in history.epochs] == [
        ["dead one", "saturated two"],
        [],
        [],
    ]
    assert "Layer one is dead: it fires never" in history.warnings["dead one"]
    assert history.epochs[2].firing == {"one": 0.0, "two": 1.0}
    assert not fit(Spikes(0.7, 0.7), data, ERROR, epochs=1, settings=QUICK).warnings


def epoch(number: int, training: float, union: float) -> Epoch:
    """An epoch with two accuracies."""
    return Epoch(
        epoch=number,
        loss=0.1,
        parts={},
        learning_rate=0.1,
        validation_accuracy=union,
        validation_loss=0.1,
        clean_accuracy=0.9,
        training_accuracy=training,
        union=union,
    )


def test_robust_over_fitting_is_a_fall_beyond_noise_while_training_accuracy_rises() -> None:
    before = [epoch(1, 0.6, 0.5), epoch(2, 0.7, 0.6)]
    # Two standard errors of 0.6 on 400 items are 0.049.
    assert not warnings_of(epoch(3, 0.8, 0.56), before, 400)
    found = warnings_of(epoch(3, 0.8, 0.54), before, 400)
    assert "fell from 60.0 % in epoch 2 to 54.0 %" in found["robust over-fitting"]
    assert not warnings_of(epoch(3, 0.65, 0.54), before, 400), "training got worse too"
    assert not warnings_of(epoch(3, 0.8, 0.54), before, 40), "40 items cannot tell"
    told = replace(before[1], warnings=found)
    assert not warnings_of(epoch(4, 0.9, 0.3), [before[0], told], 400), "said once"


def test_a_step_that_diverges_names_the_layer_and_leaves_what_reproduces_it(
    data: Dataset, tmp_path: Path
) -> None:
    class Sick(nn.Module):
        """Its second layer divides by what the items of class 1 make zero."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.root, self.last = nn.Linear(4, 2), Root(), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.last(self.root(self.first(x)))
            return logits

    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - 5).log()

    net = Sick()
    before = model_digest(net)
    with pytest.raises(Diverged) as caught:
        fit(net, data, ERROR, epochs=2, settings=QUICK, directory=tmp_path)
    assert "epoch 1, step 1" in str(caught.value)
    assert "first seen in output of layer root" in str(caught.value)
    assert str(tmp_path / "diverged.safetensors") in str(caught.value)
    assert model_digest(net) == before, "the weights before the step"
    failure = load_failure(tmp_path / "diverged.safetensors")
    again = Sick()
    again.load_state_dict(failure.model)
    loss, _ = ERROR(again, failure.x, failure.y, seeds=failure.seeds)
    assert not math.isfinite(loss.item())
    told = json.loads((tmp_path / "diverged.json").read_text())
    assert told["layer"] == "output of layer root"
    assert told["items"] == failure.items.tolist()
    assert set(told["items"]) <= set(data.train.items.tolist())
    assert told == failure.about


def test_a_failed_step_is_kept_with_what_its_inputs_remembered(
    data: Dataset, tmp_path: Path
) -> None:
    class Brittle(nn.Module):
        """Breaks when it has answered often enough in training mode."""

        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(4, 2)
            self.register_buffer("answers", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.answers += float(self.training)
            logits: Tensor = self.last(x)
            return logits * math.inf if self.training and self.answers > 4 else logits

    attack = PGD(steps=1)
    threats = NEAR, Threat(L2(), 0.1, data.domain)
    inputs = EAT(tuple(Adversarial(attack, threat) for threat in threats))
    objective = Objective({"error": (1.0, CrossEntropy())}, inputs=inputs)
    with pytest.raises(Diverged, match="epoch 2, step 2"):
        fit(Brittle(), data, objective, epochs=2, settings=QUICK, directory=tmp_path)
    failure = load_failure(tmp_path / "diverged.safetensors")
    assert failure.about["progress"] == pytest.approx(4 / 6)
    assert int(failure.memory["eat.seen"].sum()) == 40 + len(data.train) // 3 + 1
    again = Brittle()
    again.load_state_dict(failure.model)
    loss, _ = objective(
        again,
        failure.x,
        failure.y,
        seeds=failure.seeds,
        memory=dict(failure.memory),
        progress=failure.about["progress"],
    )
    assert not math.isfinite(loss.item())


def test_a_gradient_that_is_not_finite_names_its_parameter(data: Dataset, tmp_path: Path) -> None:
    class Steep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale.sqrt() * x[:, :2]

    with pytest.raises(Diverged, match="first seen in gradient of scale"):
        fit(Steep(), data, ERROR, epochs=1, directory=tmp_path)
    assert load_failure(tmp_path / "diverged.safetensors").about["layer"] == "gradient of scale"


def test_a_layer_that_is_not_finite_on_validation_items_stops_a_run_with_a_finite_loss(
    data: Dataset,
) -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)
            self.inner.weight.data.fill_(1e38)

        def forward(self, x: Tensor) -> Tensor:
            huge = self.inner(x * 1e3)
            logits: Tensor = self.last(x) + torch.nan_to_num(huge.detach(), 0, 0, 0)[:, :2] * 0
            return logits

    with pytest.raises(Diverged, match="first seen in output of layer inner"):
        fit(Hidden(), data, ERROR, epochs=1, settings=QUICK)


def test_a_file_that_holds_no_failure_is_refused(tmp_path: Path) -> None:
    from spikeproof.models import write_tensors

    write_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {"schema": 1})
    with pytest.raises(FileProblem, match="is not the file of a failed step"):
        load_failure(tmp_path / "x.safetensors")


def test_the_log_has_a_line_per_epoch_and_outlives_a_break(
    model: Maker, data: Dataset, tmp_path: Path
) -> None:
    def stop(number: int, *rest: object) -> None:
        if number == 2:
            raise KeyboardInterrupt

    whole = fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "b", progress=stop)
    for name in (LOG, WALL):  # a kill may cut the last line, or come before it is written
        path = tmp_path / "b" / name
        path.write_bytes(path.read_bytes()[:-10])
    again = fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "b")
    assert again == whole
    assert (tmp_path / "a" / LOG).read_bytes() == (tmp_path / "b" / LOG).read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "b" / LOG).read_text().splitlines()]
    assert lines == json.loads(json.dumps([asdict(epoch) for epoch in whole.epochs]))
    wall = [json.loads(line) for line in (tmp_path / "b" / WALL).read_text().splitlines()]
    assert [line["epoch"] for line in wall] == [1, 3, 4], "half a line is dropped"
    assert again.seconds == pytest.approx(sum(line["seconds"] for line in wall), abs=0.01)
    assert again.peak_bytes > 50e6


def test_loggers_hear_every_epoch_and_are_closed_also_after_a_failure(
    model: Maker, data: Dataset
) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[tuple[int, int]] = []
            self.closed = 0

        def epoch(self, epoch: Epoch, epochs: int) -> None:
            self.heard.append((epoch.epoch, epochs))

        def close(self) -> None:
            self.closed += 1

    ear = Ear()
    fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(ear,))
    assert (ear.heard, ear.closed) == ([(1, 2), (2, 2)], 1)

    def fail(*rest: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(ear,), progress=fail)
    assert ear.closed == 2


def test_tensorboard_gets_the_numbers_or_says_how_to_install_it(
    model: Maker, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingError, match=r"pip install spikeproof\[tensorboard\]"):
        TensorBoard(tmp_path)
    sent: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            sent.append(("open", folder))

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *given: sent.append((name, *given))

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    history = fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(TensorBoard(tmp_path),))
    assert sent[0] == ("open", str(tmp_path)) and sent[-1] == ("close",)
    losses = [value[2:] for value in sent if value[:2] == ("add_scalar", "loss")]
    assert losses == [(epoch.loss, epoch.epoch) for epoch in history.epochs]


def test_the_card_says_what_was_done_and_what_it_cost(tmp_path: Path) -> None:
    import spikeproof as sp

    data = sp.load("digits")
    net = sp.build("cnn-small", data, width=2, timesteps=1)
    settings = Training(batch_size=512)
    history = fit(net, data, ERROR, epochs=1, settings=settings, directory=tmp_path)
    work = Assignment(objective=ERROR, epochs=1, settings=settings)
    content = card(net, data, work, history)
    plain, told = write_card(tmp_path / "model.safetensors", content)
    assert (plain.name, told.name) == ("model.card.json", "model.card.md")
    found = json.loads(plain.read_text())
    assert found["data"]["sha256"] == data.spec.sha256
    assert found["model"]["sha256"] == model_digest(net)
    assert found["model"]["parameters"] == sum(p.numel() for p in net.parameters())
    assert found["training"]["settings"]["batch_size"] == 512
    assert found["validation"]["clean"] == history.best.clean_accuracy
    assert found["cost"]["forward_passes"] == 1078 + 269 + 256
    assert found["cost"]["peak_bytes"] == history.peak_bytes > 0
    text = told.read_text()
    assert "cnn-small" in text and "Test items played no part" in text
    assert f"| clean | {100 * history.best.clean_accuracy:.1f} % |" in text  # type: ignore[operator]


def test_an_estimate_leaves_the_model_alone_and_adds_up(model: Maker, data: Dataset) -> None:
    net = model()
    before, modes = model_digest(net), [module.training for module in net.modules()]
    work = Assignment(objective=ERROR, epochs=5, settings=QUICK, exam=Exam(threats=(NEAR,)))
    state = torch.get_rng_state()
    found = estimate(net, data, work)
    assert torch.equal(torch.get_rng_state(), state)
    assert model_digest(net) == before and not net.modes
    assert [module.training for module in net.modules()] == modes
    assert found.steps == 5 * 3
    expected = 15 * found.step_seconds + 5 * found.validation_seconds
    assert found.seconds == pytest.approx(expected)
    assert found.peak_bytes > 50e6
    assert str(found).startswith("Estimate from two steps: about ")


def test_a_tally_counts_items_and_not_calls() -> None:
    net, tally = nn.Linear(3, 2), Tally()
    with tally.counting(net):
        out = net(torch.rand(5, 3))
        out.sum().backward()
        with torch.no_grad():
            net(torch.rand(2, 3))
    net(torch.rand(9, 3)).sum().backward()
    assert (tally.forward, tally.backward) == (7, 5)
