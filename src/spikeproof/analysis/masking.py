"""Signs of gradient masking: is the attacker looking at a gradient that leads nowhere?

Every check can raise a sign and none can rule masking out, so what was not checked counts too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikeproof.analysis.attacked import SuiteUse
from spikeproof.analysis.records import Arrays
from spikeproof.analysis.rows import MatrixCell
from spikeproof.metrics import Estimate
from spikeproof.names import counted

__all__ = [
    "LARGEST_BLIND",
    "LARGEST_LEFT",
    "MaskingChecks",
    "MaskingSigns",
    "Standing",
    "masking_checks",
    "masking_signs",
]

LARGEST_BLIND = 0.01
"""Share of items or cases above which a sign counts."""
LARGEST_LEFT = 0.10
"""Accuracy at the largest radius above which a curve has not fallen towards zero."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A curve that does not fall towards zero within the radii measured.

    Args:
        threat: Threat.
        radius: Its largest radius.
        left: Accuracy there.
        decibels: The radius on a sound in decibels, as text.
    """

    threat: str
    radius: float
    left: Estimate
    decibels: str = ""


@dataclass(frozen=True, kw_only=True)
class MaskingSigns:
    """What the checks say of one training; a share is None where nothing measured it.

    Args:
        data: Data set.
        training: Name of the training.
        flat: Share of probed items whose gradient is exactly zero.
        weaker: Share of probed items and norms where the attack moved the probability less than
            random draws do on average.
        left: Accuracy under all l_p attacks at once at the largest radius.
        probed: Items probed, over all networks.
        curves: Threats under which accuracy was measured at more than one radius.
        standing: Those under which it does not fall towards zero.
    """

    data: str
    training: str
    flat: float | None
    weaker: float | None
    left: float | None
    probed: int = 0
    curves: int = 0
    standing: tuple[Standing, ...] = ()

    @property
    def raised(self) -> list[str]:
        """The signs that count, in words."""
        found = []
        if self.flat is not None and self.flat > LARGEST_BLIND:
            found.append(f"{100 * self.flat:.0f} % of the items without any gradient")
        if self.weaker is not None and self.weaker > LARGEST_BLIND:
            found.append(
                f"attacks weaker than random changes in {100 * self.weaker:.0f} % of the cases"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class MaskingChecks:
    """Which checks for masking a run made.

    Args:
        made: What was looked at, each as the end of a sentence.
        lacking: What was not.
    """

    made: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


def masking_signs(
    data: str, probes: Mapping[str, Arrays], matrix: Sequence[MatrixCell]
) -> list[MaskingSigns]:
    """The checks for every training of a data set.

    Args:
        data: Data set.
        probes: TrainingSettings → the arrays of its probe, empty where it was not probed.
        matrix: Robust accuracy of every training, the unions among it.
    """
    ascending = sorted(matrix, key=_level)
    union = {c.training: c.estimate for c in ascending if c.threat == "union"}
    # A single radius is no curve: nobody can see whether it falls.
    last = {(c.training, c.threat): c for c in ascending if c.threat != "union" and c.level > 0}
    return [
        MaskingSigns(
            data=data,
            training=training,
            flat=float(np.mean(arrays["g_l2"] == 0)) if "g_l2" in arrays else None,
            weaker=_weaker(arrays),
            left=union[training].value if training in union else None,
            probed=len(arrays["g_l2"]) if "g_l2" in arrays else 0,
            curves=sum(name == training for name, _ in last),
            standing=tuple(
                Standing(
                    threat=threat,
                    radius=cell.radius or 0.0,
                    left=cell.estimate,
                    decibels=cell.decibels,
                )
                for (name, threat), cell in last.items()
                if name == training and cell.estimate.value > LARGEST_LEFT
            ),
        )
        for training, arrays in probes.items()
    ]


def masking_checks(
    signs: Sequence[MaskingSigns], suites: Sequence[SuiteUse], *, diagnosed: bool
) -> MaskingChecks:
    """Say which checks for masking a run made and which it did not.

    Args:
        signs: Of every training.
        suites: How the networks were attacked.
        diagnosed: Whether each network was looked at before its attacks.
    """
    checks: list[tuple[bool, str, str]] = []
    probed = sum(sign.probed for sign in signs)
    items = counted(probed, "item")
    flat = "whether input gradients of probed items are exactly zero"
    weaker = "whether attacks move the answer further than random changes"
    checks += [(probed > 0, f"{what} ({items})", what) for what in (flat, weaker)]
    curves = sum(sign.curves for sign in signs)
    falls = "whether accuracy falls towards zero as the radius grows"
    checks.append((curves > 0, f"{falls} ({counted(curves, 'curve')})", falls))
    free = [member for suite in suites for member in suite.gradient_free]
    broke = counted(sum(member.broke for member in free), "item")
    names = ", ".join(dict.fromkeys(member.name.split()[0] for member in free))
    none = f"attacks without gradients ({_without(suites)})"
    checks.append((bool(free), f"attacks without gradients ({names}; they broke {broke})", none))
    seen = "each network before its attacks (state, randomness, zero gradients and the like)"
    checks.append((diagnosed, seen, seen))
    kinds = {member.name.split()[0] for suite in suites for member in suite.members}
    moved = "inputs found on another network"
    checks.append(("transfer" in kinds, moved, moved))
    lacking = [told for made, _, told in checks if not made]
    lacking.append("an attack made for the training at hand")  # no suite can hold one
    return MaskingChecks(
        made=tuple(told for made, told, _ in checks if made), lacking=tuple(lacking)
    )


def _without(suites: Sequence[SuiteUse]) -> str:
    """Why no attack without gradients was made."""
    names = " and ".join(suite.name for suite in suites)
    return f"none in the suite {names}" if names else "nothing was attacked"


def _level(cell: MatrixCell) -> int:
    return cell.level


def _weaker(arrays: Arrays) -> float | None:
    """How often the attack stayed behind random draws."""
    norms = [name.removeprefix("rho_adv_") for name in arrays if name.startswith("rho_adv_")]
    if not norms:
        return None
    # A hair of room: the two are computed along different ways and may differ by rounding.
    behind = [
        arrays[f"rho_adv_{norm}"] < arrays[f"rho_random_{norm}"] * (1 - 1e-9) for norm in norms
    ]
    return float(np.mean(np.concatenate(behind)))
