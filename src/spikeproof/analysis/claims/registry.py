"""The claims that a run can be judged by; the registry is open for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikeproof.analysis.claims.claim import Claim, Verdict
from spikeproof.analysis.claims.modality import EveryModality
from spikeproof.analysis.claims.robustness import LinfDestroysMost, NoiseIsSurvived
from spikeproof.analysis.claims.sparse_training import SparseTrainingHelps
from spikeproof.analysis.claims.sparsity import SparsityBoundsGap
from spikeproof.analysis.claims.vulnerability import AttackBeatsRandom, FirstOrderPrediction
from spikeproof.analysis.results import Results
from spikeproof.base import Registry, SettingError

__all__ = ["CLAIMS", "SEVEN", "claims_of", "verdicts"]

_OURS: tuple[type[Claim], ...] = (
    FirstOrderPrediction,
    AttackBeatsRandom,
    LinfDestroysMost,
    NoiseIsSurvived,
    SparsityBoundsGap,
    SparseTrainingHelps,
    EveryModality,
)

CLAIMS: Registry[Claim] = Registry(
    "claim", {cls.key: cls for cls in _OURS}, group="spikeproof.claims"
)

SEVEN = tuple(cls.key for cls in _OURS)
"""Keys of the claims about sparse gradients, which the demo and the research plans ask for."""


def claims_of(plan: Mapping[str, Any]) -> list[Claim]:
    """Return the claims that a plan asks for, in its order.

    Args:
        plan: Plain data; ``claims`` holds keys, or records with settings. Where it is absent
            none is judged.
    Raises:
        SettingError: an unknown claim (the nearest known one is named).
    Example:
        >>> [claim.title for claim in claims_of({"claims": ["every-modality"]})]
        ['the gain of sparse-gradient training holds in every modality']
    """
    return [CLAIMS.build(claim) for claim in _named(plan)]


def _named(plan: Mapping[str, Any]) -> Sequence[Any]:
    """What a plan names."""
    return list(plan.get("claims") or ())


def verdicts(results: Results) -> list[Verdict]:
    """Judge every claim of a run's plan on every data set.

    A verdict is decided by the whole 95 % interval of its number against a threshold that is fixed
    in code; what the run does not hold gives ``undecided`` with the reason. The rules are listed
    in the documentation under Claims.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    Returns:
        Verdicts in the order of the claims, within a claim in the order of the data sets; a claim
        over all of them ends with a verdict on ``"all"``. A claim that no package here offers is
        ``undecided``, with the reason.
    """
    found: list[Verdict] = []
    for named in _named(results.plan):
        try:
            claim = CLAIMS.build(named)
        except SettingError as problem:
            found += [_not_here(named, data, str(problem)) for data in results.data()]
            continue
        rows = [claim.judge(results, data) for data in results.data()]
        overall = getattr(claim, "overall", None)
        found += [*rows, overall(results, rows)] if overall else rows
    return found


def _not_here(named: Any, data: str, why: str) -> Verdict:
    """The verdict on a claim that is not installed where the run is read."""
    key = str(named.get("kind") if isinstance(named, Mapping) else named)
    return Verdict(
        claim=key,
        title=f"the claim {key!r}",
        judged="What this claim judges is known to the package that offers it.",
        data=data,
        verdict="undecided",
        estimate=None,
        unit="",
        explanation=why,
    )
