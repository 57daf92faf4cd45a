"""What a study computes: data sets × trainings × seeds × threats, as plain settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from spikeproof.attacks import Budget
from spikeproof.base import (
    SettingError,
    check_count,
    check_name,
    check_one_of,
    check_positive,
    check_seed,
    check_text,
    digest,
    printable,
    settings_from,
)
from spikeproof.evaluate import check_despite
from spikeproof.study.data_plan import DataPlan
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.network import NetworkPlan
from spikeproof.study.resources import ComputePlan
from spikeproof.study.tables import tables_of

__all__ = ["NETWORK_CHOICES", "ComputePlan", "DataPlan", "Plan", "TrainingPlan"]


NETWORK_CHOICES = ("encoder", "neuron", "norm", "pooling", "stem", "front_end")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """One ``[[training]]`` table: an objective under a name.

    Args:
        name: What tables call it.
        terms: Term name → its record and ``weight``, ``{kind = "cross_entropy", weight = 1.0}``.
        inputs: Attacked or noisy inputs; clean ones where absent.
        hooks: What happens to the weights beside the optimiser's step,
            ``[{kind = "retraction", strength = 0.004}]``.
        network: What the training changes in the network: ``neuron`` and ``encoder`` (records),
            ``norm``, ``pooling``, ``stem``, ``front_end``.
        settings: Fields of ``TrainingSettings``, ``{average = 0.98}``; they win over those of
            the data set.
        augment: Changes of the training items, in this order,
            ``[{kind = "shift-image", pixels = 1}]``.
        data: Data sets it is trained on; every one where absent.
        epochs_factor: Times the data set's epochs.
    """

    name: str
    terms: dict[str, dict[str, Any]]
    inputs: InputsPlan | None = None
    hooks: tuple[dict[str, Any], ...] = ()
    network: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    augment: tuple[dict[str, Any], ...] = ()
    data: tuple[str, ...] | None = None
    epochs_factor: float = 1.0

    def __post_init__(self) -> None:
        check_text(self.name, "training")
        check_positive(self, "epochs_factor")
        if not self.terms:
            raise SettingError(f"[[training]] {self.name!r} has no terms; give at least one.")
        for key in self.network:
            check_one_of(
                key, NETWORK_CHOICES, f"setting in the network of [[training]] {self.name!r}"
            )
        for name, term in self.terms.items():
            for key in ("kind", "weight"):
                if key not in term:
                    raise SettingError(f"[[training]] {self.name!r}: term {name!r} needs a {key}.")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole study as plain data; everything it computes follows from it.

    Args:
        name: What the report calls it.
        data: Data sets, in the order of the tables.
        training: Trainings, in the order of the tables.
        network: Networks that are trained already, in the order of the tables.
        seeds: One network per seed.
        suite: Attack suite, ``"quick"``, ``"core"``, ``"standard"`` or ``"full"``.
        items: Items per cell, the same ones for every cell of a data set.
        split: Which items attacks and probes look at. With ``"validation"`` the test items stay
            sealed: for searches, whose numbers are no test results.
        draws: Random perturbations per item and radius.
        probe_items: Items of the vulnerability probe; 0 leaves it out.
        budget: What the attacks on one network may spend on one data set, ``"10m"`` of wall time
            or ``"200000p"`` passes; each ladder has the share of its radii. No limit where absent.
        keep_adversarials: Whether attack cells keep every input that broke an item, so that
            ``spikeproof verify`` can score them again.
        despite: Flags in spite of which robust accuracy is stated (see ``flags_before``).
        doctor: Whether the checks before the attacks end in a verdict on masking, per threat at
            its middle radius (see ``diagnose``); about 1500 passes per right item and threat, of
            64 items at most.
        grid: Budgets of each view, 0 among them, of the grid on which networks of two views are
            attacked besides (see ``joint_grid``), up to the largest radius of their joint ladder;
            at least 2. 0 leaves it out.
        workers: Processes where the caller names no number.
        question: What the study asks, the title of its report; ``"sparse-gradient"`` for the
            question of the demo. Told from the trainings where absent.
        claims: Keys of the claims that the run is judged by, in this order; none where absent.
        compute: Where cells are computed.
    Raises:
        SettingError: two tables of one name, an empty list, or numbers that are not positive.
    """

    name: str
    data: tuple[DataPlan, ...]
    training: tuple[TrainingPlan, ...] = ()
    network: tuple[NetworkPlan, ...] = ()
    seeds: tuple[int, ...] = (0,)
    suite: Literal["quick", "core", "standard", "full"] = "quick"
    items: int = 200
    split: Literal["test", "validation"] = "test"
    draws: int = 10
    probe_items: int = 64
    workers: int = 1
    budget: str | None = None
    keep_adversarials: bool = False
    despite: tuple[str, ...] = ()
    doctor: bool = False
    grid: int = 0
    question: str | None = None
    claims: tuple[str, ...] | None = None
    compute: ComputePlan = field(default_factory=ComputePlan)

    def __post_init__(self) -> None:
        check_name(self.name, "plan")
        check_count(self, "items", "draws", "workers")
        check_count(self, "probe_items", "grid", least=0)
        if self.grid == 1 or self.grid > 21:
            raise SettingError(
                f"Plan {self.name!r}: grid is how many budgets each view has, 0 among them: 2 "
                f"to 21, or 0 for no grid; got {self.grid}."
            )
        for seed in self.seeds:
            check_seed(seed, f"Plan {self.name!r}: every seed")
        both = (*self.training, *self.network)
        for what, members in (("data", self.data), ("training", both), ("seeds", self.seeds)):
            if not members:
                raise SettingError(f"Plan {self.name!r} has no {what}; give at least one.")
            self._once(what, [getattr(member, "name", member) for member in members])
        self._once("claims", self.claims or ())
        if self.question is not None:
            self._check_question(self.question)
        check_despite(self.despite, f"flag in despite of plan {self.name!r}")
        if self.budget is not None:
            Budget.parse(self.budget)
        for part in self.data:
            if part.model is None and self.trainings(part.name):
                raise SettingError(
                    f"[[data]] {part.name!r} has no model, which its trainings need; add one such "
                    "as model = 'cnn-small'."
                )
            known = {term for training in self.trainings(part.name) for term in training.terms}
            for term in part.weights:
                check_one_of(term, known, f"term in the weights of [[data]] {part.name!r}")

    def _once(self, what: str, names: Sequence[object]) -> None:
        """Raise SettingError where a name stands twice."""
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise SettingError(f"Plan {self.name!r}: {what} {', '.join(twice)} is there twice.")

    def _check_question(self, text: str) -> None:
        """Raise SettingError unless a page can show the question as its title."""
        if not 0 < len(text) <= 200 or text != printable(text, breaks=False) or not text.strip():
            raise SettingError(
                f"The question of plan {self.name!r} must be one line of 1 to 200 characters that "
                f"can be shown; got {printable(text[:80], breaks=False)!r}. Write it as a reader "
                "would ask it."
            )

    def on(self, names: Sequence[str]) -> Plan:
        """Return the same plan on some of its data sets, without trainings for others alone."""
        data = tuple(part for part in self.data if part.name in names)
        kept = [one for one in self.training if one.data is None or set(one.data) & set(names)]
        training = tuple(
            one if one.data is None else dataclasses.replace(
                one, data=tuple(name for name in one.data if name in names)
            )
            for one in kept
        )  # fmt: skip
        return dataclasses.replace(self, data=data, training=training)

    def record(self) -> dict[str, Any]:
        """Plain data from which ``Plan.from_record`` rebuilds the plan."""
        record = {**dataclasses.asdict(self), "compute": self.compute.record()}
        record["network"] = tuple(network.record() for network in self.network)
        record["data"] = tuple(part.record() for part in self.data)
        for training in record["training"]:
            # The key of every plan there is; their hashes say whether a run is of this plan.
            training["rules"] = training.pop("hooks")
        # Plans that name none of these keep the hash they had before there was a choice.
        for key, default in (
            ("claims", self.claims is None),
            ("question", self.question is None),
            ("compute", self.compute == ComputePlan()),
            ("network", not self.network),
            ("budget", self.budget is None),
            ("keep_adversarials", not self.keep_adversarials),
            ("despite", not self.despite),
            ("doctor", not self.doctor),
            ("grid", not self.grid),
        ):
            if default:
                del record[key]
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any], where: str = "plan") -> Plan:
        """Rebuild a plan from plain data, refusing unknown keys."""
        values = dict(record)
        values["data"] = tables_of(DataPlan, values, "data", where)
        values["training"] = tables_of(TrainingPlan, values, "training", where)
        values["network"] = tables_of(NetworkPlan, values, "network", where)
        if isinstance(values.get("compute"), Mapping):
            values["compute"] = settings_from(ComputePlan, values["compute"], f"{where}: [compute]")
        return settings_from(cls, values, where)

    @property
    def sha256(self) -> str:
        """Hash of the whole plan."""
        return digest(self.record())

    def trainings(self, data: str) -> list[TrainingPlan]:
        """The trainings that apply to a data set."""
        return [t for t in self.training if t.data is None or data in t.data]

    def networks(self, data: str) -> list[NetworkPlan]:
        """The networks that apply to a data set."""
        return [n for n in self.network if n.data is None or data in n.data]
