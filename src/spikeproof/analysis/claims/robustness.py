"""Claims 3, 4 and 6: which norm destroys most, noise against attacks, and what SR buys."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikeproof.analysis.claims.claim import (
    FAR_BETTER,
    Verdict,
    VerdictPart,
    above,
    combine,
    gain_bars,
    missing,
    points,
    show,
    verdict_on,
)
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import LP_THREATS, Table, align
from spikeproof.metrics import Bootstrap, Estimate, Floats, bootstrap_p, holm

__all__ = [
    "linf_destroys_most",
    "noise_is_survived",
    "sparse_gradients_help",
    "survival_at",
    "typical_lengths",
]

RIVALS = ("l2", "l0")


def linf_destroys_most(results: Results, data: str) -> Verdict:
    """Claim 3: is less left under l_inf than under l_2 and l_0?

    Decided at the standard radii of the data set. The comparison at equal l_2 length is reported
    beside it: an l_2 ball holds every perturbation of its length, so there a perfect l_2 attack
    can never do less than l_inf.
    """
    found = _attacked(results, data, 3, ("linf", *RIVALS))
    if isinstance(found, Verdict):
        return found
    training, by_threat = found
    boot, linf = results.bootstrap(by_threat["linf"]), by_threat["linf"]
    standard, equal = [], []
    for rival in RIVALS:
        other = by_threat[rival]
        gap = boot.difference(_middle(other), _middle(linf))
        radii = f"radius {other.radii[other.middle]:g} against {linf.radii[linf.middle]:g}"
        standard.append(_gap(f"{rival} minus linf at standard radii", gap, 0.0, radii))
        equal.append(_at_equal_length(boot, rival, other, linf))
    smallest = min(standard, key=lambda part: _value(part))
    each = "; ".join(_sentence(part) for part in (*standard, *equal))
    return verdict_on(
        3,
        data,
        verdict=combine(standard),
        estimate=smallest.estimate,
        unit="points of robust accuracy",
        explanation=f"On {training!r}, decided at the standard radii: {each}.",
        parts=(*standard, *equal),
        figure=_curves("l_2 length of the perturbation", by_threat, lengths=True),
    )


def noise_is_survived(results: Results, data: str) -> Verdict:
    """Claim 4: is accuracy under the largest noise far above accuracy under the standard attack?"""
    norms = [t for t in results.threats(data) if t in LP_THREATS]
    found = _attacked(results, data, 4, norms)
    if isinstance(found, Verdict):
        return found
    training, by_threat = found
    parts = []
    for norm, table in by_threat.items():
        boot = results.bootstrap(table)
        gap = boot.difference(table.values["random"][:, -1], _middle(table))
        note = f"noise at {table.radii[-1]:g}, attack at {table.radii[table.middle]:g}"
        parts.append(_gap(f"{norm}", gap, FAR_BETTER, note))
    smallest = min(parts, key=lambda part: _value(part))
    each = "; ".join(_sentence(part) for part in parts)
    return verdict_on(
        4,
        data,
        verdict=combine(parts),
        estimate=smallest.estimate,
        unit="points, random minus robust accuracy",
        explanation=(
            f"On {training!r}, accuracy under the largest noise minus robust accuracy at the "
            f"standard radius (far better means {100 * FAR_BETTER:.0f} points): {each}."
        ),
        parts=tuple(parts),
        figure=_curves("radius", by_threat, lengths=False),
    )


def sparse_gradients_help(results: Results, data: str) -> Verdict:
    """Claim 6: what sparse-gradient training adds to robust accuracy, per norm and in the mean."""
    base, trained = results.undefended(data), results.sparse(data)
    if base is None or not trained:
        what = "training with cross-entropy alone" if base is None else "sparse-gradient training"
        return missing(6, data, f"this run has no {what}")
    norms = [t for t in results.threats(data) if t in LP_THREATS]
    pairs = _pairs(results, data, trained[0], base, norms)
    if pairs is None:
        return missing(6, data, f"not every attack on {trained[0]!r} and {base!r} is complete")
    boot, gains = results.bootstrap(pairs[norms[0]][0]), _gains(pairs)
    mean = points(boot.mean(np.mean([gains[norm] for norm in norms], axis=0)))
    parts = _gain_parts(boot, gains)
    parts += _whole_parts(boot, pairs)
    for other in trained[1:]:
        parts += _other_training(results, data, other, base, norms)
    each = "; ".join(_sentence(part) for part in parts)
    return verdict_on(
        6,
        data,
        verdict=above(mean, 0.0),
        estimate=mean,
        unit="points of robust accuracy, mean over norms",
        explanation=(
            f"{trained[0]!r} minus {base!r} at the standard radii, mean over {', '.join(norms)}: "
            f"{show(mean, '.1f')} points; {each}."
        ),
        parts=tuple(parts),
        figure=gain_bars(parts),
    )


def _gain_parts(boot: Bootstrap, gains: dict[str, Floats]) -> list[VerdictPart]:
    """The gain in each norm, with p values adjusted for the number of norms."""
    draws = {norm: boot.means(gain) for norm, gain in gains.items()}
    adjusted = holm([bootstrap_p(values) for values in draws.values()])
    return [
        _gap(norm, boot.mean(gains[norm]), 0.0, f"p = {p:.3f} after Holm")
        for norm, p in zip(gains, adjusted, strict=True)
    ]


def _whole_parts(boot: Bootstrap, pairs: dict[str, tuple[Table, Table]]) -> list[VerdictPart]:
    """The gain in the union of the norms, and what it costs on clean inputs."""
    ours = np.minimum.reduce([_middle(pair[0]) for pair in pairs.values()])
    theirs = np.minimum.reduce([_middle(pair[1]) for pair in pairs.values()])
    first, second = next(iter(pairs.values()))
    clean = boot.difference(first.values["clean"], second.values["clean"])
    return [
        _gap("union", boot.difference(ours, theirs), 0.0),
        _gap("clean accuracy", clean, 0.0),
    ]


def _other_training(
    results: Results, data: str, training: str, base: str, norms: list[str]
) -> list[VerdictPart]:
    """The mean gain of another sparse-gradient training."""
    pairs = _pairs(results, data, training, base, norms)
    if pairs is None:
        return []
    boot = results.bootstrap(pairs[norms[0]][0])
    gain = np.mean(list(_gains(pairs).values()), axis=0)
    return [_gap(f"mean over norms of {training!r}", boot.mean(gain), 0.0)]


def _pairs(
    results: Results, data: str, training: str, base: str, norms: list[str]
) -> dict[str, tuple[Table, Table]] | None:
    """Both trainings under every norm, on the seeds and items that all of them share."""
    found = [results.table(data, name, norm) for norm in norms for name in (training, base)]
    whole = [table for table in found if table is not None]
    aligned = align(*whole) if norms and len(whole) == len(found) else None
    if aligned is None:
        return None
    return {norm: (aligned[2 * i], aligned[2 * i + 1]) for i, norm in enumerate(norms)}


def _gains(pairs: dict[str, tuple[Table, Table]]) -> dict[str, Floats]:
    """Survival of the first training minus survival of the second, per seed and item."""
    return {norm: _middle(ours) - _middle(theirs) for norm, (ours, theirs) in pairs.items()}


def _attacked(
    results: Results, data: str, claim: int, threats: Any
) -> tuple[str, dict[str, Table]] | Verdict:
    """The undefended training under the threats, aligned; or the verdict that it is missing."""
    training = results.undefended(data)
    if training is None:
        return missing(claim, data, "this run has no training with cross-entropy alone")
    found = {threat: results.table(data, training, threat) for threat in threats}
    absent = [threat for threat, table in found.items() if table is None]
    if absent or not found:
        names = ", ".join(absent) or "any l_p threat"
        return missing(claim, data, f"no complete attack on {training!r} under {names}")
    aligned = align(*(table for table in found.values() if table is not None))
    if aligned is None:
        return missing(claim, data, f"the attacks on {training!r} share no items and seeds")
    return training, dict(zip(found, aligned, strict=True))


def _at_equal_length(boot: Bootstrap, rival: str, other: Table, linf: Table) -> VerdictPart:
    """The comparison where both perturbations are equally long in l_2."""
    name = f"{rival} minus linf at equal l2 length"
    lengths = typical_lengths(other), typical_lengths(linf)
    known = [one[np.isfinite(one)] for one in lengths]
    if not all(one.size for one in known) or not np.isfinite(lengths[1][linf.middle]):
        return VerdictPart(
            name=name, verdict="undecided", estimate=None, unit="points", note="nothing was broken"
        )
    length = min(float(lengths[1][linf.middle]), *(float(one.max()) for one in known))
    gap = boot.difference(
        survival_at(other, lengths[0], length), survival_at(linf, lengths[1], length)
    )
    return _gap(name, gap, 0.0, f"l2 length {length:.3g}")


def typical_lengths(table: Table) -> Floats:
    """Mean l_2 length of the perturbations that first broke a right item, per radius; else NaN."""
    alive = np.concatenate([table.values["clean"][:, None], table.values["alive"]], axis=1)
    fresh = (alive[:, :-1] > alive[:, 1:]).astype(np.float64)
    count = fresh.sum((0, 2))
    total = (fresh * table.values["length"]).sum((0, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def survival_at(table: Table, lengths: Floats, length: float) -> Floats:
    """Survival per seed and item at an l_2 length, linear between the radii, clean at length 0.

    Radii that broke nothing new have no length and are left out; so are those whose length does
    not exceed that of a smaller radius.
    """
    marks, levels = [0.0], [table.values["clean"]]
    for level, mark in enumerate(lengths):
        if np.isfinite(mark) and mark > marks[-1]:
            marks.append(float(mark))
            levels.append(table.values["alive"][:, level])
    right = min(int(np.searchsorted(marks, length)), len(marks) - 1)
    if right == 0 or length >= marks[right]:
        return np.asarray(levels[right])
    part = (length - marks[right - 1]) / (marks[right] - marks[right - 1])
    return np.asarray((1 - part) * levels[right - 1] + part * levels[right])


def _middle(table: Table) -> Floats:
    """Survival at the standard radius, ``(S, N)``."""
    return np.asarray(table.values["alive"][:, table.middle])


def _gap(name: str, gap: Estimate, threshold: float, note: str = "") -> VerdictPart:
    """A difference of accuracies as a part, in points."""
    return VerdictPart(
        name=name, verdict=above(gap, threshold), estimate=points(gap), unit="points", note=note
    )


def _value(part: VerdictPart) -> float:
    assert part.estimate is not None
    return part.estimate.value


def _sentence(part: VerdictPart) -> str:
    """A part as text."""
    if part.estimate is None:
        return f"{part.name} undecided, {part.note}"
    return f"{part.name} {show(part.estimate, '.1f')}" + (f" ({part.note})" if part.note else "")


def _curves(x: str, by_threat: dict[str, Table], *, lengths: bool) -> dict[str, Any]:
    """Accuracy against radius or length as plain data, one series per threat."""
    series = []
    for threat, table in by_threat.items():
        marks = typical_lengths(table) if lengths else np.asarray(table.radii)
        kept = np.isfinite(marks)
        clean = float(table.values["clean"].mean())
        one: dict[str, Any] = {"name": threat, "x": [0.0, *map(float, marks[kept])]}
        for key, name in (("y", "alive"), ("random", "random")):
            heights = table.values[name].mean((0, 2))[kept]
            one[key] = [clean, *map(float, heights)]
        series.append(one)
    return {"kind": "curves", "x": x, "y": "accuracy", "log": False, "series": series}
