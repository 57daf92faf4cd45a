r"""``methods.tex``: what was done, as paragraphs for a paper, every word of it from records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from spikeproof.analysis import (
    CellRecord,
    MemberUse,
    Results,
    loudness,
    recorded_domain,
    suites_used,
    verdict_line,
)
from spikeproof.base import SettingError, references
from spikeproof.data import DATASETS, Domain
from spikeproof.export.latex import escaped, listed, radius_text, threat_sign, with_decibels
from spikeproof.export.words import attack_words, network_words, training_words
from spikeproof.metrics import FEWEST_NETWORKS
from spikeproof.threats import shown_facts

__all__ = ["calls_of", "methods", "radii_of", "source_works"]

_KEYS = re.compile(r" \(([a-z]+\d+\w*(?:, [a-z]+\d+\w*)*)\)")
_PROTOCOL = (
    "An item counts as robust at a radius if it is classified correctly when clean and neither a "
    "member of the suite nor a random draw at that radius, nor anything at a smaller radius, "
    "changed the answer. Members are tried in turn on what still stands. Every adversarial input "
    "was measured and classified again by code that shares nothing with the attacks: its distance, "
    "its range and its success. Robust accuracy is therefore an upper bound."
)


def methods(results: Results, works: Sequence[str]) -> str:
    """Return the methods of a run as LaTeX paragraphs.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        works: Citation keys of the works that it used, all of which are cited.
    """
    parts = [
        ("Data", _data(results)),
        ("Networks", _networks(results)),
        ("Threats", _threats(results)),
        ("Attacks", _attacks(results)),
        ("Protocol", _protocol(results)),
        ("Gradient masking", _masking(results)),
        ("Intervals", _intervals(results)),
        ("Software and cost", _software(results)),
    ]
    text = "% written by `spikeproof export` from the records of a run\n"
    for title, sentences in parts:
        text += rf"\paragraph{{{title}.}}" + "\n" + "\n".join(sentences) + "\n\n"
    cited = [key for key in works if key != "spikeproof"]
    text += r"\paragraph{Works used.}" + "\n"
    text += r"Measured with spikeproof~\cite{spikeproof}"
    text += rf"; it rests on~\cite{{{','.join(cited)}}}." if cited else "."
    return text + "\n"


def _data(results: Results) -> Iterator[str]:
    """What was classified."""
    for data in results.data():
        cells = [cell for cell in results.cells if cell.data == data]
        yield f"{escaped(data)}: {_items(results, cells)}; {_inputs(results, data)}."
        hashes = sorted({str(c.inputs["data_sha256"]) for c in cells if "data_sha256" in c.inputs})
        told = listed([rf"\texttt{{{escaped(one[:16])}}}" for one in hashes])
        yield f"SHA-256 of the data: {told}." if told else "The hash of the data is not recorded."
        try:
            facts = DATASETS[data].facts
        except SettingError:
            yield "The package does not know this set; origin and licence: not recorded."
        else:
            source = _KEYS.sub(_cited, escaped(facts.source.rstrip(".")))
            yield f"Origin: {source}. Licence: {escaped(facts.licence)}."


def source_works(data: Iterable[str]) -> Iterator[str]:
    """Yield the citation keys in what data sets say of where they come from.

    Args:
        data: Names of data sets, of this package or not.
    """
    for name in data:
        with suppress(SettingError):
            for found in _KEYS.findall(DATASETS[name].facts.source):
                yield from (key for key in found.split(", ") if key in references())


def _cited(found: re.Match[str]) -> str:
    """Citation keys in brackets as a citation; any other words in brackets as they are."""
    keys = found[1].split(", ")
    return rf"~\cite{{{','.join(keys)}}}" if set(keys) <= set(references()) else found[0]


def _items(results: Results, cells: Sequence[CellRecord]) -> str:
    """How many items were attacked."""
    counts = sorted({int(cell.result["n"]) for cell in cells if cell.kind == "attack"})
    shown = " or ".join(map(str, counts)) or "no"
    sealed = ", sealed until then" if results.split == "test" else ""
    return f"{shown} {results.split} items were attacked{sealed}"


def _inputs(results: Results, data: str) -> str:
    """Shape and range of an input."""
    domain = recorded_domain(results.cells, data)
    if domain is None:
        return "legal inputs not recorded"
    if not isinstance(domain, Domain):
        return "items of several views"
    size = r"\times".join(map(str, domain.shape))
    ends = f"{domain.low:g} to {domain.high:g}"
    grid = ", whole numbers" if domain.integer else ""
    return f"inputs of kind {domain.kind}, ${size}$, from {ends}{grid}"


def _networks(results: Results) -> Iterator[str]:
    """What was attacked, and how it was trained."""
    holders = [cell for cell in results.cells if cell.holds_network]
    seen: dict[tuple[str, str], list[CellRecord]] = {}
    for data in results.data():
        for training in results.trainings(data):
            own = [c for c in holders if (c.data, c.training) == (data, training)]
            seen[data, training] = sorted(own, key=lambda cell: cell.seed)
    yield r"\begin{itemize}"
    for (data, training), cells in seen.items():
        start = rf"\item \emph{{{escaped(training)}}} on {escaped(data)}: "
        if not cells:
            yield start + "not recorded."
            continue
        first = cells[0]
        seeds = listed([str(cell.seed) for cell in cells])
        told = [network_words(first.cell.get("model") or {})]
        if first.kind == "train":
            told.append(f"trained with {training_words(first.cell)}")
        else:
            told.append("trained elsewhere")
        parameters = first.result.get("parameters")
        told.append(f"{parameters:,} parameters" if parameters else "parameters not recorded")
        yield start + escaped("; ".join(told)) + f"; seed{'s' * (len(cells) > 1)} {seeds}."
    yield r"\end{itemize}"


def radii_of(results: Results, data: str) -> dict[str, tuple[float, ...]]:
    """Return the radii at which a data set was attacked, threat by threat.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        data: Data set of the run.
    """
    found: dict[str, set[float]] = {threat: set() for threat in results.threats(data)}
    for cell in results.of_kind("attack", data):
        found[str(cell.cell["threat"]["name"])].update(map(float, cell.cell["threat"]["radii"]))
    return {threat: tuple(sorted(radii)) for threat, radii in found.items()}


def _threats(results: Results) -> Iterator[str]:
    """What the attacker may do."""
    for data in results.data():
        domain = recorded_domain(results.cells, data)
        loud, told = loudness(results, data), []
        for threat, radii in radii_of(results, data).items():
            facts = shown_facts(threat)
            unit = f" {escaped(facts.unit)}" if facts.unit else ""
            shown = ", ".join(
                with_decibels(radius_text(radius, domain), loud.get((threat, radius), ""))
                for radius in radii
            )
            told.append(f"{threat_sign(threat)} ({escaped(facts.title)}) up to {shown}{unit}")
        yield f"{escaped(data)}: {'; '.join(told) or 'none'}."
    yield (
        "The attacker knows the network, its weights and the true class (white box), and wants any "
        "other answer."
    )


def _attacks(results: Results) -> Iterator[str]:
    """By which suite, member by member."""
    for suite in suites_used(results.cells):
        own = [member for member in suite.members if member.record]
        if not own:
            yield f"Suite {escaped(suite.name)}: members not recorded."
            continue
        yield f"Suite {escaped(suite.name)}, in this order:"
        yield r"\begin{enumerate}"
        for member in own:
            yield rf"\item {escaped(attack_words(member.record))}{_did(member)}"
        yield r"\end{enumerate}"
    cells = [cell for cell in results.cells if cell.kind == "attack"]
    draws = sorted({int(cell.cell["draws"]) for cell in cells if "draws" in cell.cell})
    told = " or ".join(map(str, draws))
    yield (
        f"Besides, {told} random draws per item and radius were tried."
        if draws
        else "Random draws: not recorded."
    )
    for data in results.data():
        if "budget" in results.suite(data):
            yield escaped(f"On {data} the suite was {results.suite(data)}.")


def _did(member: MemberUse) -> str:
    """What came of a member."""
    if member.record.get("name") not in (None, member.name) and member.ran:
        return f" (run as {escaped(member.name)}){_passes(member)}"
    if not member.ran:
        return " (attacked nothing here)."
    return _passes(member)


def _passes(member: MemberUse) -> str:
    """What a member broke and spent."""
    counts = member.forward or 0, member.backward or 0
    passes = f"{counts[0]:,} forward and {counts[1]:,} backward passes of single items"
    return f". First to break {member.broke:,}; {passes}."


def _protocol(results: Results) -> Iterator[str]:
    """When an item counts as robust."""
    yield _PROTOCOL
    if not results.diagnosed:
        yield "The networks were not checked before the attacks (state, gradients, range)."
        return
    flags = dict.fromkeys((f.name, f.training, f.data) for f in results.flags)
    told = listed([escaped(f"{name} ({training} on {data})") for name, training, data in flags])
    yield (
        f"Checks before and after the attacks raised flags: {told}."
        if told
        else "Checks before the attacks (state, randomness, gradients, range) and after them "
        "raised no flag."
    )
    for (data, training), names in results.withheld.items():
        yield escaped(f"Robust accuracy of {training} on {data} is withheld: {', '.join(names)}.")
    if over := sorted({flag.name for flag in results.flags if flag.overridden}):
        yield escaped(f"Robust accuracy is stated despite the flags {', '.join(over)}.")


def _masking(results: Results) -> Iterator[str]:
    """The verdicts on masking, and what they rest on."""
    for data in results.data():
        if results.trainings(data):
            yield escaped(f"On {data}: {verdict_line(results, data)}")
    if not results.masking:
        return
    yield (
        "One attack through the network's own gradient was held against other gradient rules, "
        "longer and one-step attacks, searches without gradients, random draws and unbounded "
        "changes; a verdict is the gravest over the networks of a training."
    )
    for row in results.masking:
        if row.verdict == "sound":
            continue
        where = f"{row.training} on {row.data}, seed {row.seed}, {row.threat}"
        yield escaped(f"{where}: {row.verdict}. {row.because}")


def _intervals(results: Results) -> Iterator[str]:
    """What the brackets mean."""
    seeds = [str(seed) for seed in results.seeds()]
    yield r"Intervals are of 95\,\%."
    yield f"The run has {len(seeds)} seed{'s' * (len(seeds) != 1)}: {listed(seeds)}."
    yield (
        f"With {FEWEST_NETWORKS} networks or more they allow for other networks and other items, "
        "with fewer for other items only, given these networks; those of a single network are "
        r"of Wilson's kind~\cite{wilson1927}."
    )


def calls_of(results: Results) -> Sequence[Mapping[str, Any]]:
    """Return when and by which command the cells were computed; empty where nobody noted it."""
    calls: Sequence[Mapping[str, Any]] = results.provenance()["calls"]
    return calls


def _software(results: Results) -> Iterator[str]:
    """Versions, commit, dates, time."""
    found = results.provenance()
    versions = [
        ", ".join(f"{k} {v}" for k, v in sorted(each.items())) for each in found["versions"]
    ]
    yield escaped(f"Versions: {'; '.join(versions) or 'not recorded'}.")
    calls = calls_of(results)
    commits = list(dict.fromkeys(str(call["commit"]) for call in calls if call.get("commit")))
    yield f"Commit: {listed([escaped(one[:12]) for one in commits]) or 'not recorded'}."
    devices = {str(c.resources["device"]) for c in results.cells if "device" in c.resources}
    devices |= {"cpu"} if any(c.resources for c in results.cells) and not devices else set()
    yield f"Device: {escaped(listed(sorted(devices))) or 'not recorded'}."
    ends = sorted(str(call["finished"]) for call in calls if call.get("finished"))
    yield f"Computed until {ends[-1]}." if ends else "Date: not recorded."
    seconds = found["wall_seconds"]
    yield (
        f"Time: {seconds / 3600:.2f} hours of wall time, summed over {found['cells']['complete']} "
        "cells."
        if seconds
        else "Time: not recorded."
    )
