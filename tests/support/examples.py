"""What the contracts try: of every family its members, in settings that are quick and differ.

``*_costs`` hold the passes that a member's page promises.
"""

from __future__ import annotations

from spikeproof.attacks import (
    APGD,
    DDN,
    FGSM,
    FMN,
    PDPGD,
    PGD,
    RFGSM,
    SAPGD,
    Attack,
    Countdown,
    Random,
    Restarts,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Square,
    Swap,
    Targeted,
    Transfer,
)
from spikeproof.neurons import Surrogate
from spikeproof.oracle import (
    ASSG,
    BPTR,
    HART,
    PDSG,
    RGA,
    CommonRandomNumbers,
    Conversion,
    Expectation,
    ExpectedNetwork,
    GradientRule,
    Mixture,
    Smoothing,
)
from spikeproof.train import (
    MPDSGR,
    TET,
    CleanCrossEntropy,
    CrossEntropy,
    GradientNorm,
    ParticipationRatio,
    Ramp,
    SparseGradient,
    Term,
    ThresholdGuarding,
    Trades,
)


def attack_examples() -> list[Attack]:
    """Attacks to put through the contract."""
    return [
        PGD(steps=4, step_size=0.3),
        PGD(steps=3, step_size=0.5, last=0.1, random_start=False),
        PGD(steps=4, step_size=0.3, keep="last"),
        Random(draws=4),
        Restarts(attack=PGD(steps=3), times=2),
        Swap(steps=4),
        Countdown(steps=3, proposals=3),
        DDN(steps=5),
        FMN(steps=5),
        PDPGD(steps=5),
        SigmaZero(steps=5),
        FGSM(),
        RFGSM(steps=2),
        APGD(steps=6),
        SAPGD(steps=5),
        Targeted(attack=APGD(steps=3, wide=True), rivals=2),
        Square(steps=6),
        SparseRS(steps=6, stop=False),
        SparsePGD(steps=4, projected=True, patience=1),
        Saliency(steps=2, candidates=2),
        Transfer(source="image.safetensors", attack=PGD(steps=3)),
    ]


def attack_costs() -> list[tuple[Attack, int, int]]:
    """Attacks with their forward and backward passes per item."""
    return [
        (PGD(steps=7), 9, 7),
        (PGD(steps=7, random_start=False), 8, 7),
        (PGD(steps=7, keep="last"), 7, 7),
        (PGD(steps=7, random_start=False, keep="last"), 7, 7),
        (Random(draws=6), 7, 0),
        (Restarts(attack=PGD(steps=3), times=2), 10, 6),
        (Swap(steps=5), 7, 6),
        (FMN(steps=5), 8, 5),
        (SigmaZero(steps=5), 8, 5),
        (PDPGD(steps=5), 8, 5),
        (FGSM(), 2, 1),
        (RFGSM(steps=3), 5, 3),
        (SAPGD(steps=4), 6, 4),
        (Targeted(attack=PGD(steps=3), rivals=2), 13, 6),
        (SparseRS(steps=5, stop=False), 7, 0),
        (SparsePGD(steps=5), 7, 5),
        (Saliency(), 5, 3),
        (Saliency(steps=2, candidates=4), 12, 2),
        (Transfer(source="image.safetensors"), 2, 0),
    ]


def term_examples() -> list[Term]:
    """Terms of an objective, in every published setting."""
    return [
        CleanCrossEntropy(),
        CrossEntropy(),
        GradientNorm(),
        GradientNorm(norm="l1", of="softmax"),
        GradientNorm(norm="linf", penalty="absolute"),
        GradientNorm(norm="top-k", k=3, of="loss"),
        MPDSGR(),
        ParticipationRatio(),
        Ramp(),
        SparseGradient(),
        SparseGradient(direction="unit", h=0.5),
        SparseGradient(direction="dual", p=4.0, clip=(0.0, 1.0), h=0.5),
        SparseGradient(direction="one-hot", h=0.5),
        SparseGradient(direction="top-k", k=5, h=0.2),
        SparseGradient.code(),
        SparseGradient.paper(),
        SparseGradient(frozen_statistics=True),
        TET(),
        ThresholdGuarding(),
        ThresholdGuarding(ramp="none"),
        Trades(),
        Trades.assg(),
    ]


def term_costs() -> dict[str, tuple[int, int]]:
    """Kinds of terms with their forwards and input backwards beside the shared forward."""
    return {
        "clean_cross_entropy": (1, 0),
        "cross_entropy": (0, 0),
        "gradient_norm": (0, 1),
        "mpd_sgr": (0, 0),
        "participation_ratio": (0, 1),
        "ramp": (0, 0),
        "sparse_gradient": (1, 1),
        "tet": (0, 0),
        "threshold_guarding": (0, 0),
        "trades": (1, 0),
    }


def gradient_examples() -> list[GradientRule | None]:
    """Ways for a gradient to cross the spikes; ``None`` is each neuron's own."""
    return [*gradient_costs(), None]


def gradient_costs() -> dict[GradientRule, tuple[int, int]]:
    """Paths with their forward and backward passes per item and question."""
    return {
        Surrogate("sigmoid", 4.0): (1, 1),
        ASSG(): (1, 1),
        ASSG(shape="triangle", reach=1.5, memory=0.99, relax=0.0): (1, 1),
        PDSG(): (1, 1),
        PDSG(statistics="batch"): (1, 1),
        BPTR(): (1, 1),
        RGA(): (1, 1),
        HART(sharpness=2.0): (1, 1),
        Conversion(): (2, 1),
        Conversion(activation="qcfs", levels=4): (2, 1),
        Mixture(gradients=(ASSG(shape="sigmoid"), Conversion(), BPTR())): (4, 3),
        Mixture(normalised=True): (2, 2),
        Smoothing(pairs=2): (5, 0),
        Expectation(samples=3): (3, 3),
        Expectation(samples=2, gradient=Mixture(gradients=(HART(), Surrogate()))): (4, 4),
        CommonRandomNumbers(samples=2, gradient=ASSG()): (2, 2),
        ExpectedNetwork(gradient=PDSG()): (2, 1),
    }
