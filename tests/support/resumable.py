"""A training run that is killed with SIGKILL at many moments and finished; run as a script.

``python -m support.resumable FOLDER`` trains once without a break and once with kills, and prints
one line of JSON: whether the two agree and how often the second was killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.models import model_digest
from spikeproof.neurons import LIF, Spiking
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train import (
    EAT,
    Adversarial,
    CrossEntropy,
    EpochFusion,
    Gain,
    NaturalFusion,
    Noise,
    Objective,
    Retraction,
    RobustValidation,
    ShiftAudio,
    SparseGradient,
    TrainingSettings,
    fit,
)
from support.toy import DOMAIN, two_sided


class Net(nn.Module):
    """Everything with state: batch norm, dropout that draws, spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(6, 16), nn.BatchNorm1d(16)
        self.spikes, self.drop, self.last = Spiking(LIF()), nn.Dropout(0.2), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        current = self.norm(self.first(x))
        logits: Tensor = self.last(self.drop(self.spikes(current.expand(3, *current.shape)))).mean(
            0
        )
        return logits


def make_net() -> Net:
    """The same first weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return Net()


def train(folder: Path) -> None:
    """Sparse-gradient training against two threats, with memory and rules, 8 epochs; its outcome
    in a file."""
    threat, wide = Threat(Linf(), 0.05, DOMAIN), Threat(L2(), 0.1, DOMAIN)
    attack = PGD(steps=2, step_size=0.5)
    objective = Objective(
        {"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())},
        inputs=EAT((Adversarial(attack, threat), Adversarial(attack, wide))),
        hooks=(NaturalFusion(share=0.2), Retraction(rows=8, share=0.5), EpochFusion(share=0.3)),
    )
    net = make_net()
    settings = TrainingSettings(
        batch_size=16,
        learning_rate=0.02,
        gradient_clip=5.0,
        schedule="step",
        warmup=0.1,
        average=0.9,
        patience=6,
        select="union",
    )
    history = fit(
        net,
        two_sided(48),
        objective,
        epochs=8,
        settings=settings,
        augment=(ShiftAudio(samples=1), Gain(), Noise()),
        robust_validation=RobustValidation(threats=(threat, wide)),
        directory=folder,
    )
    (folder / "outcome.json").write_text(
        json.dumps({"weights": model_digest(net), "history": history.record()})
    )


def child(work: Callable[[], None], patience: float | None) -> int:
    """Run ``work`` in a fork, killed after ``patience`` seconds; returns its wait status."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if patience is not None:
        time.sleep(patience)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def killed_around_a_write(folder: Path, count: int, *, after: bool) -> Callable[[], None]:
    """A run that kills itself just before or just after its file ``count`` takes its place."""

    def work() -> None:
        replace, seen = os.replace, [0]

        def fatal(source: object, target: object) -> None:
            seen[0] += 1
            if seen[0] == count and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)  # type: ignore[arg-type]
            if seen[0] == count:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = fatal  # type: ignore[assignment]
        train(folder)

    return work


def main(base: Path) -> None:
    """Train unbroken, train broken, compare."""
    torch.set_num_threads(1)
    # What the first optimiser and the first forward import, every fork would import again.
    net = make_net()
    TrainingSettings().make_optimizer(net.parameters())
    with torch.no_grad():
        net.eval()(torch.zeros(2, 6))
    unbroken, broken = base / "unbroken", base / "broken"
    begun = time.perf_counter()
    assert child(lambda: train(unbroken), None) == 0
    length = time.perf_counter() - begun
    draw, kills = random.Random(0), 0
    # Write 1 is the probe, write 2 the first epoch of the call.
    for count, after in ((1, False), (1, True), (2, False), (3, True)):
        kills += child(killed_around_a_write(broken, count, after=after), None) == signal.SIGKILL
    for _ in range(5):
        kills += child(lambda: train(broken), draw.uniform(0, 0.6 * length)) == signal.SIGKILL
    assert child(lambda: train(broken), None) == 0
    names = ("outcome.json", "training.safetensors", "training.jsonl")
    same = {name: (unbroken / name).read_bytes() == (broken / name).read_bytes() for name in names}
    left = sorted(path.name for path in broken.iterdir())
    print(json.dumps({"same": same, "kills": kills, "files": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
