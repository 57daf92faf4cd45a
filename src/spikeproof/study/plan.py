"""What a study computes: data sets × trainings × seeds × threats, as plain settings."""

from __future__ import annotations

import dataclasses
import math
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
    settings_from,
)
from spikeproof.evaluate import check_despite
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.network import NetworkPlan
from spikeproof.study.resources import ComputePlan
from spikeproof.study.tables import tables_of
from spikeproof.study.timing import TimingPlan

__all__ = ["ComputePlan", "DataPlan", "Plan", "TrainingPlan"]


@dataclass(frozen=True, kw_only=True)
class DataPlan:
    """One ``[[data]]`` table: a data set, the network trained on it, and how.

    Args:
        name: Data set, one of ``datasets()``.
        model: Architecture, one of ``models()``; trainings need it, ``[[network]]`` does not.
        timesteps: Simulation length; the architecture's own where absent.
        width: Channels of the first spiking layer; the architecture's own where absent.
        neuron: Kind or record of every layer's neuron, ``{kind = "lif", leak = 0.9}``.
        encoder: Kind or record of how images become input over time.
        norm: Batch normalisation, as ``ModelSpec`` lists them.
        pooling: ``"average"`` or ``"max"``.
        stem: ``"cifar"`` or ``"imagenet"``. All five are the defaults of ``build`` where absent.
        epochs: Passes over the training items.
        batch_size: Items per step.
        learning_rate: Peak learning rate.
        settings: Other fields of ``TrainingSettings``; those of a training win over them.
        train_items: Training items, the first of one fixed shuffled order; all where absent.
        validation_items: Validation items that training looks at; the same.
        threats: Threat names, or ``"all"`` that the data set supports.
        radii: Threat name → ascending radii, in place of the data set's or of threats that it
            declares none for, ``{l2 = [0.5, 1.0]}``.
        levels: Which radii of every threat's ladder are attacked, 0 is the smallest; all where
            absent. The middle one of those named is what tables show.
        items: Items of the plan's ``split`` per cell; the plan's number where absent.
        skip: How many items of that split's order are left out before them, so that a study can
            take items that no earlier one has looked at.
        timing: Which random changes of spike timing are measured; none where absent.
        weights: Term name → its weight on this data set, in place of the training's.
    """

    name: str
    model: str | None = None
    timesteps: int | None = None
    width: int | None = None
    neuron: str | dict[str, Any] | None = None
    encoder: str | dict[str, Any] | None = None
    norm: str | None = None
    pooling: str | None = None
    stem: str | None = None
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 0.01
    settings: dict[str, Any] = field(default_factory=dict)
    train_items: int | None = None
    validation_items: int | None = None
    threats: Literal["all"] | tuple[str, ...] = "all"
    radii: dict[str, tuple[float, ...]] = field(default_factory=dict)
    levels: tuple[int, ...] | None = None
    items: int | None = None
    skip: int = 0
    timing: TimingPlan | None = None
    weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_count(self, "epochs", "batch_size")
        check_positive(self, "learning_rate")
        for name in ("timesteps", "width", "items", "train_items", "validation_items"):
            if getattr(self, name) is not None:
                check_count(self, name)
        check_count(self, "skip", least=0)
        for name in ("batch_size", "learning_rate"):
            if name in self.settings:
                raise SettingError(
                    f"[[data]] {self.name!r}: {name} stands beside settings, not in them."
                )
        for name, weight in self.weights.items():
            if not 0 <= weight < math.inf:
                raise SettingError(
                    f"[[data]] {self.name!r}: the weight of {name!r} must be a finite number >= 0; "
                    f"got {weight!r}."
                )
        for name, radii in self.radii.items():
            if not radii or list(radii) != sorted(set(radii)):
                raise SettingError(
                    f"[[data]] {self.name!r}: the radii of {name!r} must ascend and name one at "
                    f"least; got {list(radii)}."
                )
        if not self.threats:
            raise SettingError(f"[[data]] {self.name!r}: threats is empty; name one, or 'all'.")
        if self.levels is not None and list(self.levels) != sorted({*self.levels} or {-1}):
            raise SettingError(
                f"[[data]] {self.name!r}: levels must ascend and name one at least; got "
                f"{list(self.levels)}."
            )


_NETWORK = ("encoder", "neuron", "norm", "pooling", "stem")


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
            ``norm``, ``pooling``, ``stem``.
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
            check_one_of(key, _NETWORK, f"setting in the network of [[training]] {self.name!r}")
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
        despite: Flags in spite of which robust accuracy is stated (see ``diagnose``).
        workers: Processes where the caller names no number.
        claims: Keys of the claims that the run is judged by, in this order; the seven of the
            package where absent.
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
    claims: tuple[str, ...] | None = None
    compute: ComputePlan = field(default_factory=ComputePlan)

    def __post_init__(self) -> None:
        check_name(self.name, "plan")
        check_count(self, "items", "draws", "workers")
        check_count(self, "probe_items", least=0)
        for seed in self.seeds:
            check_seed(seed, f"Plan {self.name!r}: every seed")
        both = (*self.training, *self.network)
        for what, members in (("data", self.data), ("training", both), ("seeds", self.seeds)):
            if not members:
                raise SettingError(f"Plan {self.name!r} has no {what}; give at least one.")
            self._once(what, [getattr(member, "name", member) for member in members])
        self._once("claims", self.claims or ())
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

    def record(self) -> dict[str, Any]:
        """Plain data from which ``Plan.from_record`` rebuilds the plan."""
        record = {**dataclasses.asdict(self), "compute": self.compute.record()}
        for table in record["data"]:
            if not table["radii"]:  # plans from before there were any keep their hash
                del table["radii"]
        for training in record["training"]:
            # The key of every plan there is; their hashes say whether a run is of this plan.
            training["rules"] = training.pop("hooks")
        if self.claims is None:
            # Plans that name no claims keep the hash they had before there was a choice.
            del record["claims"]
        # So do those that name no executor, network, budget or flag, and keep no inputs.
        for key, default in (
            ("compute", self.compute == ComputePlan()),
            ("network", not self.network),
            ("budget", self.budget is None),
            ("keep_adversarials", not self.keep_adversarials),
            ("despite", not self.despite),
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
