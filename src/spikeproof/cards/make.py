"""Cards of the networks of a run: chosen, scored again, written as folders for a hub."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis import CellRecord, Results, results
from spikeproof.base import (
    FileProblem,
    InputError,
    SettingError,
    canonical_json,
    digest_file,
    is_there,
    read_arrays,
    write_arrays,
    write_atomic,
)
from spikeproof.cards.evidence import CardEvidence, LadderEvidence
from spikeproof.cards.fingerprint import fingerprint
from spikeproof.cards.folder import CARD, CONFIG, EVIDENCE, MODEL, README, card_bytes, config_of
from spikeproof.cards.measured import data_facts, network_facts, scored
from spikeproof.cards.page import card_readme
from spikeproof.cards.stated import stated_of
from spikeproof.cards.verdicts import verdicts_of
from spikeproof.data import Dataset, load, open_data
from spikeproof.evaluate import open_split
from spikeproof.models import load_model
from spikeproof.rescore import unknown_threat

__all__ = ["WrittenCard", "write_cards"]

_KEPT = "adversarials.npz"
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_MOST = 1 << 29  # bytes of inputs, as many as are read again


@dataclass(frozen=True)
class WrittenCard:
    """A card that was written.

    Args:
        folder: Where it lies.
        name: Data set, training and seed.
    """

    folder: Path
    name: str


def write_cards(
    run: Path | str,
    to: Path | str,
    *,
    network: str | None = None,
    data: str | None = None,
    seed: int | None = None,
    licence: str | None = None,
    diagnosis: Mapping[str, Any] | None = None,
) -> list[WrittenCard]:
    """Write the card of every network of a run that fits, each into a folder of its own.

    A single network is written into ``to`` itself, several into ``to/DATA-NAME-seedN``. Numbers are
    taken from a second look at the kept inputs, not from the records; where the two differ nothing
    is written.

    Args:
        run: A run folder whose cells kept what broke the items.
        to: Where to write.
        network: Name of the training or network; all where absent.
        data: Name of the data set; all where absent.
        seed: Seed of the network; all where absent.
        licence: Of the weights, as the hub names it, such as ``"apache-2.0"``.
        diagnosis: Record of the diagnosis of the one network that fits, as ``Diagnosis.record``
            returns it, for a run without one; cards of networks without any say "not diagnosed".
    Returns:
        The cards, in the order of the plan.
    Raises:
        SettingError: no network fits, a licence that is no identifier, or a diagnosis that is none,
            may be about any of several networks, or stands beside that of the run.
        InputError: a network of which a card would state nothing that can be checked: it kept no
            inputs, is made by code of a user, its numbers are withheld, or a threat is not known to
            the second look.
        FileProblem: the run is not whole, the records do not hold, or the folder is not free.
    Cost:
        One forward pass per input, and one per item and threat.
    Example:
        >>> write_cards("no-such-run", "cards")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    if licence is not None and not _LICENCE.fullmatch(licence):
        raise SettingError(
            f"The licence {licence[:60]!r} is no identifier of the hub; write it like apache-2.0."
        )
    found = results(run)
    holders = [
        cell
        for cell in found.cells
        if cell.holds_network
        and network in (None, cell.training)
        and data in (None, cell.data)
        and seed in (None, cell.seed)
    ]
    if not holders:
        names = ", ".join(dict.fromkeys(c.training for c in found.cells if c.holds_network))
        raise SettingError(
            f"{run} holds no complete network that fits; it has {names[:200] or 'none'}."
        )
    if not isinstance(diagnosis, Mapping | None):
        raise SettingError("This is not the record of a diagnosis, which is a table.")
    if diagnosis is not None and len(holders) > 1:
        raise SettingError(
            f"A diagnosis is about one network, and {len(holders)} fit; name one by its training, "
            "data set and seed."
        )
    holders.sort(key=lambda cell: (cell.data, cell.training, cell.seed))
    places = [Path(to) / _name(cell) if len(holders) > 1 else Path(to) for cell in holders]
    for place in places:
        _refuse_foreign(place)
    asked = _Extra(licence, diagnosis)
    return [_write(found, cell, place, asked) for cell, place in zip(holders, places, strict=True)]


@dataclass(frozen=True)
class _Extra:
    """What no record of the run says."""

    licence: str | None
    diagnosis: Mapping[str, Any] | None


def _write(found: Results, holder: CellRecord, place: Path, asked: _Extra) -> WrittenCard:
    """One card."""
    attacks = _attacks(found, holder)
    dataset = _dataset(found, holder)
    cell = attacks[0].cell
    split = open_split(dataset, cell["split"], cell["items"], skip=cell["skip"])
    model = holder.folder / MODEL
    network = load_model(model)
    domain = holder.cell["model"]["domain"]
    evidence = _evidence(attacks)
    look = scored(evidence, split, model, domain)
    stated = {
        "name": _name(holder),
        "licence": asked.licence,
        **stated_of(found, holder, attacks),
        "diagnosis": _diagnosis(found, holder, asked.diagnosis),
    }
    computed = {
        "network": network_facts(network),
        "data": data_facts(dataset, split),
        **look.numbers,
        "fingerprint": fingerprint(network, domain),
        "verdicts": verdicts_of(stated["diagnosis"], [one.threat for one in evidence.ladders]),
    }
    stated, computed = _plain(stated), _plain(computed)
    place.mkdir(parents=True, exist_ok=True)
    # The record names the others by their hashes, so it is written last, and goes first.
    (place / CARD).unlink(missing_ok=True)
    write_arrays(place / EVIDENCE, evidence.arrays())
    write_atomic(place / MODEL, model.read_bytes())
    text = json.dumps(config_of(computed["network"]["architecture"]), indent=2, sort_keys=True)
    write_atomic(place / CONFIG, f"{text}\n".encode())
    write_atomic(place / README, card_readme(stated, computed).encode())
    files = {name: digest_file(place / name) for name in (EVIDENCE, MODEL)}
    write_atomic(place / CARD, card_bytes(stated, computed, files))
    return WrittenCard(place, stated["name"])


def _attacks(found: Results, holder: CellRecord) -> list[CellRecord]:
    """The attack cells of a network, all of which a second look can score."""
    name = f"{found.folder}: {_name(holder)}"
    if "source" in holder.cell["model"]:
        raise InputError(
            f"{name} is made by code of yours, which a card does not carry; a card holds networks "
            "that load without code, such as those of spikeproof train or study."
        )
    if not is_there(holder.folder / MODEL):
        raise InputError(
            f"{name} is an audit that was saved from Python, without its network; write that with "
            "save_model and run 'spikeproof audit FILE --keep-adversarials' for a card."
        )
    stops = found.withheld.get((holder.data, holder.training))
    if stops:
        raise InputError(
            f"{name}: robust accuracy is withheld ({', '.join(stops)}), so that a card has nothing "
            "to state; mend what the flag names, and audit again."
        )
    cells = found.of_kind("attack", holder.data, holder.training)
    cells = [cell for cell in cells if cell.inputs.get("parent") == holder.id]
    if not cells:
        raise InputError(f"{name} was not attacked, or not yet; run the same command again.")
    for cell in cells:
        if unknown_threat(cell.cell["threat"]):
            raise InputError(
                f"{name}: no second look knows the threat {cell.cell['threat']['name']!r}, which "
                "another package brings; leave it out of the run that the card is made of."
            )
        if _KEPT not in cell.files:
            raise InputError(
                f"{name} kept no adversarial inputs, so that nothing of its card could be checked; "
                "run again with --keep-adversarials, or keep_adversarials = true in the plan."
            )
    planned = found.threats(holder.data)
    return sorted(cells, key=lambda cell: planned.index(str(cell.cell["threat"]["name"])))


def _diagnosis(
    found: Results, holder: CellRecord, given: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The diagnosis of a network: that of its run, or the one that was given."""
    for cell in found.of_kind("doctor", holder.data, holder.training):
        if cell.inputs.get("parent") == holder.id:
            if given is not None:
                raise SettingError(f"{found.folder} has a diagnosis of its own; give no other.")
            own: Mapping[str, Any] = cell.result["diagnosis"]
            return own
    return given


def _dataset(found: Results, holder: CellRecord) -> Dataset:
    """The data set of a network, compared with the hash that was attacked."""
    entries = {str(e["id"]): e for e in found.record["cells"] if isinstance(e, Mapping)}
    source = entries.get(holder.id, {}).get("data_source")
    data = load(holder.data) if source is None else open_data(str(source), name=holder.data)
    if data.spec.sha256 != holder.inputs["data_sha256"]:
        raise FileProblem(
            f"Data set {data.spec.name} is not the one that {found.folder} attacked; restore it."
        )
    return data


def _evidence(attacks: Sequence[CellRecord]) -> CardEvidence:
    """What the cells of a network kept."""
    first, ladders = attacks[0].items, []
    for cell in attacks:
        same = all(np.array_equal(cell.items[n], first[n]) for n in ("items", "correct"))
        if not same:
            raise FileProblem(f"{cell.folder} is about other items than {attacks[0].folder}.")
        kept = read_arrays(cell.folder / _KEPT, "adversarial inputs", sha256=cell.files[_KEPT])
        ladders.append(
            LadderEvidence(
                threat=cell.cell["threat"],
                broken=cell.items["broken"],
                kept_items=kept["items"],
                kept_level=kept["level"],
                kept_x_adv=kept["x_adv"],
            )
        )
    evidence = CardEvidence(items=first["items"], correct=first["correct"], ladders=tuple(ladders))
    size = sum(array.nbytes for array in evidence.arrays().values())
    if size > _MOST:
        raise InputError(
            f"The inputs of this card take {size:,} bytes; at most {_MOST:,} are read again. "
            "Attack fewer items, or fewer threats in one run."
        )
    return evidence


def _name(cell: CellRecord) -> str:
    """What a network is called."""
    return f"{cell.data}-{cell.training}-seed{cell.seed}"


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content as JSON gives it back, so that what is written equals what is read."""
    plain: dict[str, Any] = json.loads(canonical_json(content))
    return plain


def _refuse_foreign(place: Path) -> None:
    """Raise unless a folder is free, or holds a card, which is written over."""
    if not is_there(place) or (place.is_dir() and is_there(place / CARD)):
        return
    if not place.is_dir() or any(place.iterdir()):
        raise FileProblem(f"{place} holds something that is no card; choose another folder.")
