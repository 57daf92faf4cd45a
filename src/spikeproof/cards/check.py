"""Whether a card holds: its files, its evidence scored again, and every number computed anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from spikeproof.base import (
    FileProblem,
    InputError,
    SpikeproofError,
    canonical_json,
    parse_json,
    read_arrays,
)
from spikeproof.cards.evidence import CardEvidence
from spikeproof.cards.fingerprint import same_fingerprint
from spikeproof.cards.folder import (
    CARD,
    CONFIG,
    EVIDENCE,
    MODEL,
    README,
    config_of,
    read_card,
    read_config,
    read_file,
    read_readme,
)
from spikeproof.cards.loud import check_decibels
from spikeproof.cards.measured import SecondLook, data_facts, network_facts, scored
from spikeproof.cards.page import NOTES, card_readme
from spikeproof.cards.verdicts import verdicts_of
from spikeproof.data import DATASETS, Dataset, load
from spikeproof.evaluate import open_split
from spikeproof.models import Network, check_fit, load_model
from spikeproof.names import counted
from spikeproof.threats import Threat

__all__ = ["CardCheck", "verify_card"]

# All that a record of another form can make code raise that reads it.
_MISSHAPEN = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
_LONGEST = 600  # characters of a sentence
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class CardCheck:
    """What came of checking a card.

    Args:
        folder: The card.
        problem: Why it does not hold, one sentence; empty where it does.
        content: ``stated`` and ``computed``, where the record could be read and is not damaged.
        look: What scoring the evidence again gave, where that was reached.
    """

    folder: Path
    problem: str
    content: Mapping[str, Any] | None = None
    look: SecondLook | None = None

    @property
    def holds(self) -> bool:
        """Whether every number was computed again and is what the card says."""
        return not self.problem

    def record(self) -> dict[str, Any]:
        """Plain data: what ``verify --json`` prints."""
        look = self.look
        return {
            "sound": self.holds,
            "problem": self.problem or None,
            "inputs": None if look is None else look.inputs,
            "rounding": None if look is None else look.rounding,
            "own": None if look is None else look.own,
        }

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if self.problem or self.look is None:
            return f"{self.folder}, a card: does NOT hold. {self.problem}"
        how = "a forward pass of its own" if self.look.own else "the network's plain forward pass"
        turned = f"; rounding decides {self.look.rounding}" if self.look.rounding else ""
        return (
            f"{self.folder}, a card: holds. {counted(self.look.inputs, 'input')} scored again by "
            f"{how}{turned}; every number computed anew. What was trained and which attacks were "
            "run is stated, and cannot be computed."
        )


def verify_card(folder: Path | str, *, data: Dataset | Sequence[Dataset] = ()) -> CardCheck:
    """Score the evidence of a card again and compute every number of it anew.

    Looked at are ``card.json`` with its seal, the hashes of weights and evidence, ``config.json``
    and ``README.md``, which follow from the record, the network, the data set, every adversarial
    input (legal, and answered wrongly), clean answers, accuracies, intervals, union, fingerprint
    and verdict. Hashes are no signatures: who writes all of them anew still has to bring inputs
    that break what the card calls broken. What a card leaves unbroken nobody can prove.

    Args:
        folder: The card.
        data: Data sets of the user's own that cards may be about; those of the package are
            found by name.
    Returns:
        What came of it; a card that does not hold is no exception.
    Raises:
        FileProblem: there is no card.
    Cost:
        One forward pass per adversarial input, and one per item and threat.
    Example:
        >>> verify_card("no-such-card")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no card at no-such-card.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileProblem(f"There is no card at {folder}.")
    content: Mapping[str, Any] | None = None
    try:
        content = read_card(folder)
        own = (data,) if isinstance(data, Dataset) else tuple(data)
        look = _checked(folder, content, own)
        return CardCheck(folder=folder, problem="", content=content, look=look)
    except SpikeproofError as problem:
        return CardCheck(folder=folder, problem=_sentence(str(problem)), content=content)
    except _MISSHAPEN as problem:
        text = (
            f"{folder / CARD} is not of the form of a card ({type(problem).__name__}: {problem})."
        )
        return CardCheck(folder=folder, problem=_sentence(text), content=content)


def _checked(folder: Path, content: Mapping[str, Any], own: Sequence[Dataset]) -> SecondLook:
    """The second look at a card all of which holds; what does not is raised."""
    stated, computed, files = (content[part] for part in ("stated", "computed", "files"))
    if set(files) != {EVIDENCE, MODEL}:
        raise FileProblem(f"{folder / CARD} does not name the files of a card.")
    for name in files:
        read_file(folder, name, str(files[name]))
    network = load_model(folder / MODEL)
    data = _data(stated, computed, own)
    check_fit(network.spec, folder / MODEL, data)
    split = open_split(data, stated["split"], stated["items"], skip=stated["skip"])
    domain = network.spec.record()["domain"]
    evidence = _evidence(folder, stated, network, files[EVIDENCE])
    look = scored(evidence, split, folder / MODEL, domain)
    again = {
        "network": network_facts(network),
        "data": data_facts(data, split),
        **look.numbers,
        "verdicts": verdicts_of(stated["diagnosis"], [one.threat for one in evidence.ladders]),
    }
    _compare(folder, computed, again)
    if not same_fingerprint(computed["fingerprint"], network, folder / MODEL, domain):
        raise FileProblem(
            f"{folder / CARD}: the network does not answer as its forward fingerprint says."
        )
    _pages(folder, stated, computed)
    return look


def _evidence(
    folder: Path, stated: Mapping[str, Any], network: Network, sha256: str
) -> CardEvidence:
    """The arrays of a card, about the threats that it states."""
    threats = [asked["threat"] for asked in stated["threats"]]
    for asked, record in zip(stated["threats"], threats, strict=True):
        radii = record["radii"]
        legal = [Threat.from_record({**record, "radius": r}, network.spec.domain) for r in radii]
        if not legal or any(a.radius >= b.radius for a, b in pairwise(legal)):
            raise FileProblem(f"{folder / CARD}: radii must rise; got {str(radii)[:100]}.")
        said = {**legal[0].record(), "radii": [threat.radius for threat in legal]}
        del said["radius"]
        if parse_json(canonical_json(said).encode()) != record:
            raise FileProblem(f"{folder / CARD} names a threat that is not written as threats are.")
        check_decibels(asked, legal, str(folder / CARD))
    path = folder / EVIDENCE
    arrays = read_arrays(path, "evidence of a card", sha256=sha256, mend="get the folder again")
    return CardEvidence.from_arrays(arrays, threats, tuple(network.spec.domain.shape), str(path))


def _data(
    stated: Mapping[str, Any], computed: Mapping[str, Any], own: Sequence[Dataset]
) -> Dataset:
    """The data set that a card is about: one that was given, or one of the package."""
    name, wanted = str(stated["data"]), computed["data"]["sha256"]
    for data in own:
        if data.spec.sha256 == wanted:
            return data
    if name not in DATASETS:
        raise InputError(
            f"The card is about the data set {name!r}, which is none of the package; name it, as "
            "in spikeproof verify CARD --data FILE."
        )
    data = load(name)
    if data.spec.sha256 != wanted:
        raise InputError(
            f"The data set {name!r} on this machine is not the one that the card is about "
            f"({data.spec.sha256[:12]}, the card says {str(wanted)[:12]})."
        )
    return data


def _compare(folder: Path, computed: Mapping[str, Any], again: Mapping[str, Any]) -> None:
    """Raise where the card says anything else than what was computed."""
    said = {key: value for key, value in computed.items() if key != "fingerprint"}
    for place, one, other in _differences(said, dict(again), ""):
        raise FileProblem(
            f"{folder / CARD} says {place} is {_short(one)}, and computing it again gives "
            f"{_short(other)}."
        )


def _differences(said: Any, again: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Where two pieces of plain data differ, rounding of numbers aside."""
    if isinstance(again, tuple):
        again = list(again)
    if isinstance(again, Mapping) and isinstance(said, Mapping):
        for key in sorted({*said, *again}):
            inner = f"{place}.{key}" if place else str(key)
            # A key without a value is not the same as no key.
            yield from _differences(said.get(key, _ABSENT), again.get(key, _ABSENT), inner)
    elif isinstance(again, list) and isinstance(said, list) and len(said) == len(again):
        for number, (one, other) in enumerate(zip(said, again, strict=True)):
            yield from _differences(one, other, f"{place}[{number}]")
    elif type(said) is float and type(again) is float:
        if not abs(said - again) <= 1e-9:
            yield place, said, again
    elif type(said) is not type(again) or said != again:
        yield place, said, again


def _pages(folder: Path, stated: Mapping[str, Any], computed: Mapping[str, Any]) -> None:
    """Raise where README or configuration are not what follows from the record."""
    text = read_readme(folder)
    wanted = card_readme(stated, computed)
    ours = "".join(text.partition(NOTES)[:2])
    if ours != wanted:
        lines = zip([*ours.split("\n"), ""], [*wanted.split("\n"), ""], strict=False)
        at = next((n for n, (a, b) in enumerate(lines, 1) if a != b), 1)
        raise FileProblem(
            f"{folder / README} is not what its record says, from line {at} on; only what stands "
            "below its last comment is free."
        )
    config = read_config(folder)
    for place, one, other in _differences(config, config_of(_spec(computed)), ""):
        raise FileProblem(
            f"{folder / CONFIG} says {place} is {_short(one)}, and the record of the card says "
            f"{_short(other)}."
        )


def _spec(computed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The architecture of a card."""
    spec: Mapping[str, Any] = computed["network"]["architecture"]
    return spec


def _short(value: Any) -> str:
    """A value in a sentence."""
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _sentence(text: str) -> str:
    """One line of a length that can be read."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
