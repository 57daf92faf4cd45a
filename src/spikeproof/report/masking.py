"""Signs of gradient masking: is the attacker looking at a gradient that leads nowhere?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.analysis import Results

__all__ = ["LARGEST_BLIND", "Sign", "signs"]

# Share above which a sign counts.
LARGEST_BLIND = 0.01


@dataclass(frozen=True, kw_only=True)
class Sign:
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


def signs(results: Results, data: str) -> list[Sign]:
    """The checks for every training of a data set."""
    out = []
    for training in results.trainings(data):
        arrays = results.probes(data, training)
        out.append(
            Sign(
                data=data,
                training=training,
                flat=_mean(arrays["g_l2"] == 0) if "g_l2" in arrays else None,
                weaker=_weaker(arrays),
                left=_left(results, data, training),
            )
        )
    return out


def _weaker(arrays: dict[str, Any]) -> float | None:
    """How often the attack stayed behind random draws."""
    norms = [key[8:] for key in arrays if key.startswith("rho_adv_")]
    if not norms:
        return None
    behind = [
        arrays[f"rho_adv_{norm}"] < arrays[f"rho_random_{norm}"] * (1 - 1e-9) for norm in norms
    ]
    return _mean(np.concatenate(behind))


def _mean(facts: np.ndarray) -> float:
    """The share of what is true."""
    return float(np.mean(facts))


def _left(results: Results, data: str, training: str) -> float | None:
    """What survives everything at the largest radius."""
    cells = [c for c in results.matrix(data) if (c.training, c.threat) == (training, "union")]
    return max(cells, key=lambda cell: cell.level).estimate.value if cells else None
