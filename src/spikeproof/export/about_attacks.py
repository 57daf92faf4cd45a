"""What Carlini et al. ask of an evaluation of robustness, answered from the records of a run.

References:
    carlini2019evaluating
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spikeproof.analysis import MemberUse, Results, suites_used, verdict_line
from spikeproof.export.answered import NOT_RECORDED, Answered
from spikeproof.export.latex import listed
from spikeproof.export.methods import radii_of

__all__ = ["about_attacks"]


def about_attacks(results: Results) -> Iterator[Answered]:
    """Yield the questions of Carlini et al., answered.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    """
    if not any(cell.kind == "attack" for cell in results.cells):
        yield _said("How were the networks attacked?", NOT_RECORDED, "No attack is complete yet.")
        return
    radii = {data: radii_of(results, data) for data in results.data()}
    suites = suites_used(results.cells)
    used = [member for suite in suites for member in suite.members if member.ran]
    yield from _threat_model(radii)
    yield from _strength(results, used)
    yield from _rest(results, used)


def _threat_model(radii: Mapping[str, Mapping[str, tuple[float, ...]]]) -> Iterator[Answered]:
    """What the attacker may do, and how far."""
    shown = "; ".join(
        f"{data}: " + ", ".join(f"{threat} up to {max(r):g}" for threat, r in each.items() if r)
        for data, each in radii.items()
    )
    yield _said("Is the threat model stated?", "yes" if shown else "no", f"{shown}; white box.")
    yield _said(
        "Is clean accuracy reported?", "yes", "Beside every robust accuracy, on the same items."
    )
    fewest = min((len(r) for each in radii.values() for r in each.values()), default=0)
    yield _said(
        "Is accuracy given against the size of the perturbation?",
        "yes" if fewest > 2 else "partly" if fewest == 2 else "no",
        f"{fewest} radii per threat at least.",
    )
    yield _said(
        "Were attacks adapted to the defence?",
        NOT_RECORDED,
        "The suite is the same for every network; say which attack knows what yours does.",
    )


def _strength(results: Results, used: list[MemberUse]) -> Iterator[Answered]:
    """Whether stronger attacks would have broken more."""
    kinds = [str(member.record["attack"]["kind"]) for member in used if member.record]
    strong = [kind for kind in kinds if kind not in ("fgsm", "rfgsm", "random")]
    yield _said(
        "Are iterative attacks used, and several kinds of them?",
        ("yes" if len(set(strong)) > 1 else "no") if kinds else NOT_RECORDED,
        f"{listed(list(dict.fromkeys(kinds))) or 'no member is recorded'}.",
    )
    free = [member.name for member in used if member.record and member.gradient_free]
    yield _said(
        "Is there an attack without gradients?",
        "yes" if free else "no",
        f"{listed(free) or 'None ran'}; random draws besides.",
    )
    transfer = [kind for kind in kinds if kind == "transfer"]
    yield _said("Is there a transfer attack?", "yes" if transfer else "no", "")
    held = list(_held(results))
    yield _said(
        "Does accuracy fall to chance where the radius is large?",
        ("no" if held else "yes") if used else NOT_RECORDED,
        f"At the largest radius there stand above chance: {'; '.join(held)}." if held else "",
    )
    climbed = [member for member in used if member.backward]
    turns = sum((member.tried or 0) - member.broke for member in climbed)
    rising = sum(member.rising for member in climbed)
    yield _said(
        "Did the attacks converge?",
        NOT_RECORDED if not turns else "yes" if rising <= turns / 10 else "partly",
        f"The loss still rose at the end of {rising:,} of {turns:,} turns that broke nothing.",
    )


def _held(results: Results) -> Iterator[str]:
    """Trainings of which more than chance stands at the largest radius of a threat."""
    chance = {
        (cell.data, cell.training): 1 / int(cell.cell["model"]["classes"])
        for cell in results.cells
        if cell.holds_network and (cell.cell.get("model") or {}).get("classes")
    }
    for data in results.data():
        last: dict[tuple[str, str], tuple[float, float]] = {}
        for cell in results.matrix(data):
            if cell.radius is not None:
                last[cell.training, cell.threat] = (cell.radius, cell.estimate.low)
        for (training, threat), (radius, low) in last.items():
            if low > chance.get((data, training), 0.0):
                yield f"{training} on {data} under {threat} {radius:g}"


def _rest(results: Results, used: list[MemberUse]) -> Iterator[Answered]:
    """Randomness, worst case per item, settings, proofs, release."""
    doubts = sorted({f.name for f in results.flags if f.name in ("randomness", "torch-generator")})
    yield _said(
        "Is randomness of the network averaged over by attacks?",
        NOT_RECORDED if not results.diagnosed else "partly" if doubts else "does not apply",
        f"Flags: {listed(doubts)}."
        if doubts
        else "No randomness was seen."
        if results.diagnosed
        else "The networks were not checked.",
    )
    yield _said(
        "Is the worst attack taken item by item, not the mean over items?",
        "yes",
        "An item falls if any member breaks it; attacks.csv says which did.",
    )
    recorded = bool(used) and any(member.record for member in used)
    yield _said(
        "Are all attacks and their settings described?",
        "yes" if recorded else NOT_RECORDED,
        "methods.tex lists every member with its settings." if recorded else "",
    )
    flags = sorted({flag.name for flag in results.flags})
    yield _said(
        "Were signs of gradient masking looked for?",
        "yes" if results.diagnosed else "no",
        (f"Flags: {listed(flags)}." if flags else "No flag was raised.")
        if results.diagnosed
        else "",
    )
    yield _said(
        "Is it said whether robust accuracy is real or gradients are masked?",
        "yes" if results.masking else "no",
        " ".join(f"{data}: {verdict_line(results, data)}" for data in results.data())
        + ("" if results.masking else " spikeproof doctor, or doctor = true in a plan, says so."),
    )
    yield _said("Is there a proof of robustness?", NOT_RECORDED, "Attacks give upper bounds only.")
    yield _said(
        "Are code and trained networks released?", NOT_RECORDED, "Their hashes are in index.csv."
    )


def _said(question: str, answer: str, why: str) -> Answered:
    """A question of this list."""
    return Answered(source="Carlini et al.", question=question, answer=answer, why=why)
