"""What each training objective costs beside a plain step, and what its documented passes predict.

Ours: one step of ``fit`` under an objective: attack, passes, backward, optimiser, rules. Against:
the plain step of the same network in the same rounds. Targets: SR at most 2.6, SR+AT(k) at most
k + 2.6.

The pages of the methods say which passes an objective makes. Three kinds are counted (``passes``):
forwards; attack steps, a forward and a backward to the input; and training steps, a forward
and a backward to the weights. ``predicted`` is their sum at the price that each kind has
here, measured in the same rounds (``prices``). ``documented`` is the measured ratio over the
predicted one; ``as_documented`` says whether it is within 15 %. ``by_rule`` is the ratio where a
backward to the input costs a forward and one to the weights two, the rule of the pages.

Then the loop itself: one step of ``fit``, augmentation on, beside the model's part of it (attack,
passes, optimiser) on batches that lie ready; the rest is loading and what the loop checks and
notes. Loading alone (fetching, augmentation) beside the step has a target: at most 5 % of it. The
order of an epoch is drawn once and told apart, in ``order_s``.

One thread, processor seconds, and the memory settings ``KEPT`` (``docs/training.md``). Images are
those of Fashion-MNIST where ``SPIKEPROOF_DATA`` names a folder that has them, random ones else.

    python benchmarks/train_step.py
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from harness import Row, compare, elsewhere, interleaved, judged, write
from sr_step import KEPT

import spikeproof as sp
from spikeproof.attacks import PGD
from spikeproof.base import InputError, SettingError
from spikeproof.data import Dataset, DataSpec, Domain, Split
from spikeproof.models import Network
from spikeproof.threats import L1, L2, Linf, Threat
from spikeproof.train import (
    AVG,
    EAT,
    MAX,
    MPDSGR,
    MSD,
    SAT,
    SSDP,
    TET,
    Adversarial,
    Augmentation,
    CleanCrossEntropy,
    CrossEntropy,
    Flip,
    Job,
    Objective,
    Retraction,
    ShiftEvents,
    ShiftImage,
    SparseGradient,
    Step,
    Trades,
    TrainingSettings,
)
from spikeproof.train.loop.run import Run

BATCH, TIMESTEPS, WIDTH, STEPS = 64, 4, 12, 2
WITHIN, SHARE = 0.15, 0.95
ERROR = {"error": (1.0, CrossEntropy())}
SPARSE = {**ERROR, "sparse": (0.1, SparseGradient())}
CHANGES: dict[str, tuple[Augmentation, ...]] = {
    "digits": (ShiftImage(pixels=1),),
    "digits-events": (ShiftEvents(pixels=1),),
    "fashion-mnist": (ShiftImage(pixels=2), Flip()),
}


@cache
def items(name: str) -> tuple[Dataset, str]:
    """A data set, and what it holds; random images for a Fashion-MNIST that is not there."""
    try:
        return sp.load(name), name
    except (InputError, SettingError, OSError):
        x = torch.rand(20 * BATCH, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    split = Split(x, torch.arange(len(x)) % 10, torch.arange(len(x)))
    spec = DataSpec(
        name=name,
        version="random",
        classes=10,
        modality="image",
        licence="CC0",
        source="random numbers",
        sha256="",
    )
    domain = Domain(kind="image", shape=(1, 28, 28))
    none = split[:0]
    data = Dataset(spec=spec, domain=domain, train=split, validation=none, sealed=none)
    return data, "random 28x28"


def title(name: str) -> str:
    """How a case is called."""
    data, held = items(name)
    timesteps = data.domain.shape[0] if data.domain.kind == "events" else TIMESTEPS
    return f"{held}, T={timesteps}, N={BATCH}"


def running(name: str, objective: Objective, *augment: Augmentation) -> Run:
    """A run of ``fit`` before its first step; its weights hardly move."""
    data, _ = items(name)
    timesteps = None if data.domain.kind == "events" else TIMESTEPS
    model: Network = sp.build("cnn-small", data, timesteps=timesteps, width=WIDTH)
    settings = TrainingSettings(batch_size=BATCH, learning_rate=1e-6)
    work = Job(objective=objective, epochs=1, settings=settings, augment=augment)
    return Run(model.train(), data, work)


def stepper(run: Run) -> Callable[[], object]:
    """The same step again and again."""
    order = run.order(1)
    step = run.loader.step(1, 0, len(order), order[0])
    return lambda: run.step(step, order[0])


Passes = tuple[int, int, int]  # forwards, attack steps, training steps


def objectives(name: str) -> dict[str, tuple[Objective, Passes, float | None]]:
    """Name → objective, its documented passes, and the target of the ratio."""
    domain = items(name)[0].domain.relaxed()
    linf, *more = (Threat(g, r, domain) for g, r in ((Linf(), 0.1), (L2(), 1.0), (L1(), 5.0)))

    def attacked(k: int = STEPS, **settings: Any) -> Adversarial:
        return Adversarial(PGD(steps=k, step_size=0.5, **settings), linf)

    def at(terms: Any, inputs: Any, *rules: Any) -> Objective:
        return Objective(terms, inputs=inputs, hooks=rules)

    each = attacked(), *(replace(attacked(), threat=threat) for threat in more)
    few, many = STEPS, 7
    trades = {"error": (1.0, CleanCrossEntropy()), "agree": (5.0, Trades())}
    agreeing = replace(attacked(), loss="divergence")
    last = partial(attacked, keep="last")
    straight = attacked(random_start=False)
    threats = (linf, *more)
    retraction, ssdp = Retraction(), SSDP(layers=("body.readout.2",), start=0)
    # SR's backward to the input shares its forward with the first of two training passes.
    return {
        "SR": (Objective(SPARSE), (-1, 1, 2), 2.6),
        f"SR+AT({few})": (at(SPARSE, attacked()), (1, few + 1, 2), few + 2.6),
        f"SR+AT({few}), last": (at(SPARSE, last()), (-1, few + 1, 2), few + 2.6),
        f"SR+AT({many})": (at(SPARSE, attacked(many)), (1, many + 1, 2), many + 2.6),
        f"SR+AT({many}), last": (at(SPARSE, last(many)), (-1, many + 1, 2), many + 2.6),
        f"AT({few})": (at(ERROR, attacked()), (2, few, 1), None),
        f"AT({few}), last": (at(ERROR, last()), (0, few, 1), None),
        f"AT({many})": (at(ERROR, attacked(many)), (2, many, 1), None),
        f"AT({many}), last": (at(ERROR, last(many)), (0, many, 1), None),
        f"RAT({few})": (at(ERROR, straight, retraction), (1, few, 1), None),
        f"TRADES({few})": (at(trades, agreeing), (3, few, 2), None),
        f"SAT({few})": (at(ERROR, SAT(each)), (2, few, 1), None),
        f"E-AT({few})": (at(ERROR, EAT(each)), (2, few, 1), None),
        f"MAX({few})": (at(ERROR, MAX(each)), (9, 3 * few, 1), None),
        f"AVG({few})": (at(ERROR, AVG(each)), (6, 3 * few, 3), None),
        f"MSD({few})": (at(ERROR, MSD(threats, steps=few)), (3 * few, few, 1), None),
        "MPD-SGR": (Objective({**ERROR, "window": (0.1, MPDSGR())}), (0, 0, 1), None),
        "TET": (Objective({"error": (1.0, TET())}), (0, 0, 1), None),
        "SSDP": (Objective(ERROR, hooks=(ssdp,)), (1, 0, 1), None),
    }


def passes(run: Run) -> dict[str, Callable[[], object]]:
    """A look and a evaluate_ladder, bare, on the network of a run in the mode it trains in."""
    batch = run.loader.step(1, 0, 1, run.order(1)[0])

    def look() -> None:
        with torch.no_grad():
            run.model(batch.x)

    def evaluate_ladder() -> None:
        z = batch.x.clone().requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(run.model(z), batch.y)
        torch.autograd.grad(loss, z)

    return {"look": look, "evaluate_ladder": evaluate_ladder}


def costs(name: str) -> list[Row]:
    """Every objective beside the plain step."""
    known = objectives(name)
    plain = running(name, Objective(ERROR))
    work = {"plain": stepper(plain), **passes(plain)}
    work |= {kind: stepper(running(name, objective)) for kind, (objective, *_) in known.items()}
    taken = interleaved(work, rounds=7, least=1, seconds=0.2, clock=time.process_time)
    beside = {kind: compare(kind, "plain step", (taken[kind], taken["plain"])) for kind in work}
    prices = (beside["look"]["ratio"], beside["evaluate_ladder"]["ratio"], 1.0)
    rows = []
    for kind, (_, counts, target) in known.items():
        row = {**beside[kind], "work": f"{kind}, {title(name)}"}
        if target is not None:
            row = judged(row, target)
        predicted = sum(n * price for n, price in zip(counts, prices, strict=True))
        documented = row["ratio"] / predicted
        row |= {"passes": counts, "prices": prices, "predicted": predicted}
        row["by_rule"] = sum(n * units for n, units in zip(counts, (1, 2, 3), strict=True)) / 3
        row |= {"documented": documented, "as_documented": abs(documented - 1) <= WITHIN}
        rows.append(row)
    return rows


def model_step(run: Run, step: Step) -> None:
    """The model's part of a step: what no loop could leave out."""
    loss, _ = run.work.objective(run.model, step.x, step.y, seeds=step.seeds)
    torch.autograd.backward(loss, inputs=run.parameters)
    run.optimizer.step()
    run.optimizer.zero_grad()


def loop(name: str) -> list[Row]:
    """A step of ``fit`` beside the model's part of it, and the loading, in several batches."""
    whole, alone, feeding = (running(name, Objective(ERROR), *CHANGES[name]) for _ in range(3))
    begun = time.process_time()
    order = whole.order(1)
    drawing = (time.process_time() - begun) / len(order)
    some = order[:16]
    steps = list(alone.loader.steps(1, some))
    work: dict[str, Callable[[], object]] = {
        "fit": lambda: [
            whole.step(step, idx)
            for step, idx in zip(whole.loader.steps(1, some), some, strict=True)
        ],
        "model": lambda: [model_step(alone, step) for step in steps],
        "loading": lambda: [step.index for step in feeding.loader.steps(1, some)],
    }
    taken = interleaved(work, rounds=9, seconds=0.4, least=1, clock=time.process_time)
    fit, model, loading = ([t / len(some) for t in taken[kind]] for kind in work)
    row = compare(f"step of fit, {title(name)}", "model alone", (fit, model))
    share = compare(f"loading, {title(name)}", "step of fit", (loading, fit))
    return [{**row, "order_s": drawing}, judged(share, 1 - SHARE)]


def main() -> None:
    """Measure and store; with an argument, measure one part and print it."""
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        what, name = json.loads(sys.argv[1])
        print(json.dumps({"costs": costs, "loop": loop}[what](name)))
        return
    part = partial(elsewhere, __file__, **KEPT)
    rows = [*part("costs", "fashion-mnist"), *part("costs", "digits-events")]
    for name in CHANGES:
        rows += part("loop", name)
    write("train_step", rows, clock="processor seconds, one thread", kept=KEPT, within=WITHIN)
    for row in rows:
        if "predicted" in row:
            print(
                f"  {row['work']:<58} measured {row['ratio']:5.2f}  predicted "
                f"{row['predicted']:5.2f}  {'' if row['as_documented'] else 'NOT '}as documented"
            )


if __name__ == "__main__":
    main()
