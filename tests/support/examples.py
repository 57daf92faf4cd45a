"""What the contracts try: of every family its members, in settings that are quick and differ.

``*_costs`` hold the passes that a member's page promises.
"""

from __future__ import annotations

from spikeproof.attacks import (
    ATTACKS,
    FGSM,
    FMN,
    PDPGD,
    PGD,
    RFGSM,
    SAPGD,
    Attack,
    GuidedSearch,
    Random,
    Restarts,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Swap,
    Targeted,
    Transfer,
)
from spikeproof.neurons import Surrogate
from spikeproof.oracle import (
    ASSG,
    BPTR,
    GRADIENTS,
    HART,
    PDSG,
    RGA,
    Backward,
    CommonRandomNumbers,
    Conversion,
    Expectation,
    ExpectedNetwork,
    GradientRule,
    LayerSharpness,
    LearnedMixture,
    Mixture,
    Smoothing,
)
from spikeproof.train import (
    TERMS,
    Term,
)


def attack_examples() -> list[Attack]:
    """Attacks to put through the contract."""
    return ATTACKS.examples()


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
        (GuidedSearch(steps=5, ascent=2, every=2, stop=False), 8, 5),
        (SparsePGD(steps=5), 7, 5),
        (Saliency(), 5, 3),
        (Saliency(steps=2, candidates=4), 12, 2),
        (Transfer(source="image.safetensors"), 2, 0),
    ]


def term_examples() -> list[Term]:
    """Terms of an objective, in every published setting."""
    return TERMS.examples()


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
        "tg_reg": (1, 1),
        "threshold_guarding": (0, 0),
        "trades": (1, 0),
    }


def gradient_examples() -> list[GradientRule | None]:
    """Ways for a gradient to cross the spikes; ``None`` is each neuron's own."""
    return [*GRADIENTS.examples(), None]


def gradient_costs() -> dict[GradientRule, tuple[int, int]]:
    """Gradient rules with their forward and backward passes per item and question."""
    return {
        Surrogate("sigmoid", 4.0): (1, 1),
        ASSG(): (1, 1),
        ASSG(shape="triangle", reach=1.5, memory=0.99, relax=0.0): (1, 1),
        ASSG(vanishing=0.455, warm=20): (1, 1),
        LayerSharpness(): (1, 1),
        PDSG(): (1, 1),
        PDSG(statistics="batch"): (1, 1),
        BPTR(): (1, 1),
        RGA(): (1, 1),
        HART(sharpness=2.0): (1, 1),
        Conversion(): (2, 1),
        Conversion(activation="qcfs", levels=4): (2, 1),
        Mixture(gradients=(ASSG(shape="sigmoid"), Conversion(), BPTR())): (4, 3),
        Mixture(normalised=True): (2, 2),
        LearnedMixture(): (3, 3),
        LearnedMixture(gradients=(Conversion(), BPTR()), fit=50.0): (5, 3),
        Smoothing(pairs=2): (5, 0),
        Expectation(samples=3): (3, 3),
        Expectation(samples=2, gradient=Mixture(gradients=(HART(), Surrogate()))): (4, 4),
        CommonRandomNumbers(samples=2, gradient=ASSG()): (2, 2),
        ExpectedNetwork(gradient=PDSG()): (2, 1),
        Backward(gradient=Conversion(), reset="detached"): (2, 1),
        Backward(gradient=Expectation(samples=3), leak="cut"): (3, 3),
    }
