"""Records of every registered class, as they were before records had one scheme.

``records.json`` was written by the code of November 2026, before the scheme: settings, their repr
and their record. The ids of cells are hashes of records, so these may not change. Where names were
changed later, the old record must still be read, and ``now`` is what is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikeproof import attacks, data, models, neurons, oracle, threats, train
from spikeproof.attacks import ATTACKS, Suite
from spikeproof.base import Registry, canonical_json
from spikeproof.data import Domain, Views
from spikeproof.models import ENCODERS, ModelSpec
from spikeproof.neurons import NEURONS
from spikeproof.oracle import GRADIENTS
from spikeproof.threats import GEOMETRIES, Threat
from spikeproof.train import AUGMENTATIONS, HOOKS, INPUTS, TERMS, Objective

STORED = json.loads((Path(__file__).parent / "records.json").read_text("utf-8"))
ROOMS = (attacks, data, models, neurons, oracle, threats, train, train.inputs, train.hooks)
NAMES = {name: value for room in ROOMS for name, value in vars(room).items()}
FAMILIES: dict[str, Registry[Any]] = {
    "attacks": ATTACKS,
    "augmentations": AUGMENTATIONS,
    "encoders": ENCODERS,
    "gradients": GRADIENTS,
    "hooks": HOOKS,
    "inputs": INPUTS,
    "neurons": NEURONS,
    "terms": TERMS,
    "threats": GEOMETRIES,
}
READERS: dict[str, Callable[[Any, Any], Any]] = {
    "model": lambda record, _: ModelSpec.from_record(record),
    "objective": lambda record, domain: Objective.from_record(record, domain=domain),
    "suite": lambda record, _: Suite.from_record(record),
    "threat": Threat.from_record,
}
each_family = pytest.mark.parametrize("family", sorted({stored["family"] for stored in STORED}))


def domain_of(member: Any) -> Domain | Views | None:
    """The domain that a record leaves out."""
    found: Domain | Views | None = getattr(member, "domain", None)
    if found is None and isinstance(member, Objective | train.Inputs):
        inputs = member.inputs if isinstance(member, Objective) else member
        found = inputs.against[0].domain if inputs is not None else None
    return found


@each_family
def test_a_record_is_what_it_was_and_is_read(family: str) -> None:
    registry = FAMILIES.get(family)
    read = READERS.get(family) if registry is None else registry.build
    for stored in STORED:
        if stored["family"] != family:
            continue
        member = eval(stored["repr"], dict(NAMES))
        record = member.record() if registry is None else registry.record(member)
        now = stored.get("now", stored["record"])
        assert canonical_json(record) == canonical_json(now), stored["repr"]
        if read is not None:
            assert read(stored["record"], domain_of(member)) == member, stored["repr"]
            assert read(now, domain_of(member)) == member, stored["repr"]


def test_the_only_names_that_changed_are_those_of_gradient_rules() -> None:
    kinds = {"mean": "expected_network", "replay": "common_random_numbers"}
    fields = {"path": "gradient", "paths": "gradients"}

    def renamed(record: Any) -> Any:
        if isinstance(record, list):
            return [renamed(each) for each in record]
        if not isinstance(record, dict):
            return record
        found = {fields.get(key, key): renamed(each) for key, each in record.items()}
        if found.get("kind") in kinds:
            found["kind"] = kinds[found["kind"]]
        return found

    changed = [stored for stored in STORED if "now" in stored]
    assert len(changed) >= 20
    assert all(renamed(stored["record"]) == stored["now"] for stored in changed)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_class_had_a_record(family: str) -> None:
    """Those of today; a class that comes later has none to keep."""
    kinds = {
        stored.get("now", stored["record"])["kind"]
        for stored in STORED
        if stored["family"] == family
    }
    assert kinds <= set(FAMILIES[family])
    assert len(kinds) >= 4
