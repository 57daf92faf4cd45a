"""Signs of gradient masking: is the attacker looking at a gradient that leads nowhere?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikeproof.analysis.records import Arrays
from spikeproof.analysis.rows import MatrixCell

__all__ = ["LARGEST_BLIND", "MaskingSigns", "masking_signs"]

LARGEST_BLIND = 0.01
"""Share of items or cases above which a sign counts."""


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
    """

    data: str
    training: str
    flat: float | None
    weaker: float | None
    left: float | None

    @property
    def raised(self) -> list[str]:
        """The signs that count, in words."""
        found = []
        if self.flat is not None and self.flat > LARGEST_BLIND:
            found.append(f"{100 * self.flat:.0f} % of the items without any gradient")
        if self.weaker is not None and self.weaker > LARGEST_BLIND:
            found.append(f"attacks weaker than noise in {100 * self.weaker:.0f} % of the cases")
        return found


def masking_signs(
    data: str, probes: Mapping[str, Arrays], matrix: Sequence[MatrixCell]
) -> list[MaskingSigns]:
    """The checks for every training of a data set.

    Args:
        data: Data set.
        probes: TrainingSettings → the arrays of its probe, empty where it was not probed.
        matrix: Robust accuracy of every training, the unions among it.
    """
    union = {c.training: c.estimate for c in sorted(matrix, key=_level) if c.threat == "union"}
    return [
        MaskingSigns(
            data=data,
            training=training,
            flat=float(np.mean(arrays["g_l2"] == 0)) if "g_l2" in arrays else None,
            weaker=_weaker(arrays),
            left=union[training].value if training in union else None,
        )
        for training, arrays in probes.items()
    ]


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
