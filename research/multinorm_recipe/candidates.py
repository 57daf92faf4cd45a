"""Every training that was tried first in the search for the recipe, as a table.

A candidate says what it is, and beside which other one it stands and what it changes there
(`group`), so that the page of evidence can tell what each change did. Two words stand for several
settings at once: `two norms` is E-AT on l_inf and l_1 with three attack steps of half a radius,
neurons without leak and a learning rate of .01; `wide` is `two norms` at 2 times the l_1 and 1.3
times the l_inf radius, trained on the point where the attack ends, not on its best one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spikeproof.attacks import PGD
from spikeproof.neurons import LIF, Surrogate
from spikeproof.train import (
    Augmentation,
    CleanCrossEntropy,
    CrossEntropy,
    Flip,
    ShiftImage,
    SparseGradient,
    Trades,
    TrainingSettings,
)

PATIENT = PGD(steps=7, step_size=0.25)
ERROR = {"error": (1.0, CrossEntropy())}
TRAINING = TrainingSettings(batch_size=64, learning_rate=5e-3, select="last")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One training: data, inputs, objective, settings and network, and the items that judge it.

    Args:
        name: What it is called; with ``data`` it names the candidate. Other settings need
            another name: results are kept under it.
        group: What it changes beside another candidate.
        beside: The name of that candidate, or None.
        data: Data set.
        inputs: None for clean ones, a norm, or ``"SAT"``, ``"E-AT"``, ``"MAX"``, ``"AVG"``,
            ``"MSD"`` over ``norms``.
        norms: Threats trained on, at the middle standard radius.
        scales: Norm → factor of that radius.
        attack: Of the training; MSD takes its steps and step size.
        loss: What the attack maximises.
        gradient: Surrogate of the attack, None for the network's own.
        terms: Of the objective.
        settings: Of the loop.
        epochs: Passes over the training items.
        augment: Changes of the training items.
        network: Settings of ``cnn-small``.
        train_items: The first ones of the split; None takes all.
        items: Validation items that judge it, the first ones.
        watched: Validation items that the loop looks at after each epoch, the first ones; unless
            the settings say so, it selects nothing by them.
        core: Whether the suite ``core`` judges it too.
        seeds: Of weights, order and draws.
    """

    name: str
    group: str = "inputs"
    beside: str | None = None
    data: str = "digits"
    inputs: str | None = "E-AT"
    norms: tuple[str, ...] = ("linf", "l2", "l1")
    scales: Mapping[str, float] = field(default_factory=dict)
    attack: PGD = PATIENT
    loss: str = "cross_entropy"
    gradient: Surrogate | None = None
    terms: Mapping[str, tuple[float, Any]] = field(default_factory=lambda: dict(ERROR))
    settings: TrainingSettings = TRAINING
    epochs: int = 15
    augment: tuple[Augmentation, ...] = ()
    network: Mapping[str, Any] = field(default_factory=lambda: {"timesteps": 4, "width": 12})
    train_items: int | None = None
    items: int = 269
    watched: int = 64
    core: bool = False
    seeds: tuple[int, ...] = (0, 1)

    def but(self, name: str, group: str, **changes: Any) -> Candidate:
        """This candidate with some settings changed; those of training and network are merged."""
        settings = replace(self.settings, **changes.pop("settings", {}))
        network = {**self.network, **changes.pop("network", {})}
        about: dict[str, Any] = {"name": name, "group": group, "beside": self.name}
        return replace(self, **about, settings=settings, network=network, **changes)


def _sparse(weight: float) -> dict[str, tuple[float, Any]]:
    """Cross-entropy with sparse gradients."""
    return {**ERROR, "sparse": (weight, SparseGradient())}


def _all(factor: float) -> dict[str, float]:
    """The same factor for all radii."""
    return dict.fromkeys(("linf", "l2", "l1"), factor)


NO_LEAK = {"neuron": LIF(leak=1.0)}
FEW, FEW_LAST = PGD(steps=3, step_size=0.5), PGD(steps=3, step_size=0.5, keep="last")
FAST = PGD(steps=2, step_size=0.75, keep="last")
TRADES = {"clean": (0.5, CleanCrossEntropy()), "agree": (4.0, Trades())}
SHIFT = (ShiftImage(pixels=1),)
TWO: dict[str, Any] = {"norms": ("linf", "l1"), "network": NO_LEAK, "attack": FEW}
TWO["settings"] = {"learning_rate": 0.01}
WIDE = {"l1": 2.0, "linf": 1.3}

E_AT = Candidate(name="E-AT")
SAT = E_AT.but("SAT", "inputs", inputs="SAT")
LONG = E_AT.but("E-AT, 30 epochs", "epochs", epochs=30)
BROAD = E_AT.but("E-AT, width 24", "width", network={"width": 24})
LEAKLESS = E_AT.but("E-AT, leak 1", "leak", network=NO_LEAK)
TWO_NORMS = LEAKLESS.but("two norms", "l_inf and l_1 only, 3 attack steps, rate .01", **TWO)
BOTH = TWO_NORMS.but("two norms, l_1 x2, l_inf x1.3", "radii of l_1 and l_inf", scales=WIDE)
WIDEST = BOTH.but("wide", "last point of the attack", attack=FEW_LAST)
QUICK = WIDEST.but("wide, rate .02", "learning rate", settings={"learning_rate": 0.02})
LONGER = QUICK.but("wide, rate .02, 22 epochs", "epochs", epochs=22)

DIGITS = (
    E_AT,
    SAT,
    E_AT.but("plain", "inputs", inputs=None),
    *(E_AT.but(f"AT-{norm}", "inputs", inputs=norm) for norm in ("linf", "l2", "l1")),
    *(E_AT.but(kind, "inputs", inputs=kind) for kind in ("MAX", "AVG", "MSD")),
    *(
        E_AT.but(f"E-AT, SR {name}", "sparse term", terms=_sparse(float(name)))
        for name in (".005", ".02", ".1", ".3")
    ),
    E_AT.but("E-AT, shift", "augmentation", augment=SHIFT),
    E_AT.but("E-AT, averaged", "weight averaging", settings={"average": 0.98}),
    LONG,
    LONG.but(
        "E-AT, 30 epochs, shift, averaged",
        "augmentation and weight averaging",
        augment=SHIFT,
        settings={"average": 0.98},
    ),
    *(
        E_AT.but(f"E-AT, all radii x{factor}", "all radii", scales=_all(factor))
        for factor in (1.4, 1.8, 2.5)
    ),
    E_AT.but("E-AT, 3 steps", "attack steps", attack=FEW),
    BROAD,
    BROAD.but("E-AT, width 24, T = 2", "time steps", network={"timesteps": 2}),
    E_AT.but("E-AT, T = 8", "time steps", network={"timesteps": 8}),
    E_AT.but("E-AT, leak .9", "leak", network={"neuron": LIF(leak=0.9)}),
    LEAKLESS,
    E_AT.but("E-AT, leak .5 (the default)", "nothing", network={"neuron": LIF(leak=0.5)}),
    E_AT.but("E-AT, rate .02", "learning rate", settings={"learning_rate": 0.02}),
    E_AT.but("E-AT, batches of 32", "batch size", settings={"batch_size": 32}),
    E_AT.but(
        "E-AT, AdamW .01",
        "weight decay",
        settings={"weight_decay": 0.01, "optimizer": "adamw"},
        seeds=(0,),
    ),
    E_AT.but(
        "E-AT, arctan 5", "surrogate of the attack", gradient=Surrogate("arctan", sharpness=5.0)
    ),
    E_AT.but(
        "E-AT, triangle 1 (the network's)", "nothing", gradient=Surrogate("triangle", sharpness=1.0)
    ),
    E_AT.but("E-AT, margin", "loss of the attack", loss="margin"),
    SAT.but("SAT, TRADES", "TRADES terms", terms=TRADES),
    TWO_NORMS,
    TWO_NORMS.but("two norms, l_1 x1.5", "radius of l_1", scales={"l1": 1.5}),
    BOTH,
    WIDEST,
    WIDEST.but("wide, SR .002", "sparse term", terms=_sparse(0.002)),
    WIDEST.but(
        "wide, l_1 x2.5, l_inf x1.6", "radii of l_1 and l_inf", scales={"l1": 2.5, "linf": 1.6}
    ),
    WIDEST.but(
        "wide, l_inf x1.6, SR .001",
        "radius of l_inf and sparse term",
        scales={"l1": 2.0, "linf": 1.6},
        terms=_sparse(0.001),
    ),
    QUICK,
    QUICK.but(
        "wide, rate .02, best point, leak .9",
        "best point of the attack and leak",
        attack=FEW,
        network={"neuron": LIF(leak=0.9)},
    ),
    QUICK.but("wide, rate .02, SR .001", "sparse term", terms=_sparse(0.001)),
    LONGER,
    LONGER.but(
        "wide, rate .02, 22 epochs, averaged", "weight averaging", settings={"average": 0.98}
    ),
)

F_E_AT = Candidate(
    name="E-AT",
    data="fashion-mnist",
    attack=FEW,
    epochs=8,
    train_items=4000,
    items=200,
    seeds=(0,),
)
F_LEAKLESS = F_E_AT.but("E-AT, leak 1", "leak", network=NO_LEAK)
F_SLOW = F_LEAKLESS.but("E-AT, leak 1, rate .01", "learning rate", settings={"learning_rate": 0.01})
F_FAST = F_SLOW.but(
    "E-AT, leak 1, rate .01, 2 steps, last, 16 epochs",
    "attack steps, last point, epochs",
    attack=FAST,
    epochs=16,
)
F_TWO = F_SLOW.but(
    "two norms, l_1 x1.5", "l_inf and l_1 only, radius of l_1", norms=TWO["norms"],
    scales={"l1": 1.5},
)  # fmt: skip
# Judged on more items than those above, so nothing but each other stands beside these.
F_WIDE = replace(
    F_TWO.but("wide, 12 epochs", "two norms", attack=FEW_LAST, scales=WIDE, epochs=12, items=300),
    beside=None,
)
F_WIDE_QUICK = F_WIDE.but(
    "wide, rate .02, 12 epochs", "learning rate", settings={"learning_rate": 0.02}
)

FASHION = (
    F_E_AT,
    *(F_E_AT.but(f"AT-{norm}", "inputs", inputs=norm) for norm in ("linf", "l2", "l1")),
    F_E_AT.but("MSD", "inputs", inputs="MSD"),
    F_E_AT.but("E-AT, all radii x1.5", "all radii", scales=_all(1.5)),
    F_E_AT.but("E-AT, SR .005", "sparse term", terms=_sparse(0.005)),
    F_E_AT.but("E-AT, flip", "augmentation", augment=(Flip(),)),
    F_E_AT.but(
        "E-AT, flip, shift, averaged",
        "augmentation and weight averaging",
        augment=(Flip(), *SHIFT),
        settings={"average": 0.99},
    ),
    F_LEAKLESS,
    F_SLOW,
    F_FAST,
    F_FAST.but(f"{F_FAST.name}, all radii x1.3", "all radii", scales=_all(1.3)),
    F_FAST.but(
        "E-AT, leak 1, rate .01, 2 steps, last, 12 epochs, SR .001",
        "epochs and sparse term",
        epochs=12,
        terms=_sparse(0.001),
    ),
    F_TWO,
    F_TWO.but(
        "two norms, l_1 x1.5, l_inf x1.3, SR .002",
        "radius of l_inf and sparse term",
        scales={"l1": 1.5, "linf": 1.3},
        terms=_sparse(0.002),
    ),
    F_WIDE,
    F_WIDE.but("wide, 8 epochs, SR .002", "epochs and sparse term", epochs=8, terms=_sparse(0.002)),
    F_WIDE.but("wide, l_1 x1.5, 12 epochs", "radius of l_1", scales={"l1": 1.5, "linf": 1.3}),
    F_WIDE_QUICK,
    F_WIDE.but("wide, 12 epochs, averaged", "weight averaging", settings={"average": 0.98}),
    F_WIDE_QUICK.but(
        "wide, rate .02, 12 epochs, averaged", "weight averaging", settings={"average": 0.98}
    ),
)
