"""What a plan says of a data set, of the network trained on it, and how."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from spikeproof.base import SettingError, check_count, check_positive
from spikeproof.study.timing import TimingPlan

__all__ = ["DataPlan"]

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class DataPlan:
    """One ``[[data]]`` table: a data set, the network trained on it, and how.

    Args:
        name: Data set, one of ``datasets()``; any other name for one of your own, with ``source``.
        source: Where a data set of your own is: a ``FILE.npz``, a folder or
            ``module.py:function``, as ``open_data`` reads it. In a plan file the path starts at
            the folder of the plan. It enters no id: what the data are does.
        sha256: Hash of a data set of your own, as ``spikeproof data check`` prints it, 64 hex
            digits. Data of another hash are refused; any are taken where absent.
        model: Architecture, one of ``models()``; trainings need it, ``[[network]]`` does not.
        timesteps: Simulation length; the architecture's own where absent.
        width: Channels of the first spiking layer; the architecture's own where absent.
        neuron: Kind or record of every layer's neuron, ``{kind = "lif", leak = 0.9}``.
        encoder: Kind or record of how images become input over time.
        norm: Batch normalisation, as ``ModelSpec`` lists them.
        pooling: ``"average"`` or ``"max"``.
        stem: ``"cifar"`` or ``"imagenet"``.
        front_end: ``"tones"`` or ``"log-mel"``. All six are the defaults of ``build`` where absent.
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
        weights: Term name → its weight on this data set, in place of the training's; a term that a
            training has at 0 stays off.
    """

    name: str
    source: str | None = None
    sha256: str | None = None
    model: str | None = None
    timesteps: int | None = None
    width: int | None = None
    neuron: str | dict[str, Any] | None = None
    encoder: str | dict[str, Any] | None = None
    norm: str | None = None
    pooling: str | None = None
    stem: str | None = None
    front_end: str | None = None
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
        self._check_source()
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

    def _check_source(self) -> None:
        """Refuse a source or a hash that is none."""
        if self.source == "":
            raise SettingError(f"[[data]] {self.name!r}: source is empty; name a file or a folder.")
        if self.sha256 is None:
            return
        if self.source is None:
            raise SettingError(
                f"[[data]] {self.name!r}: sha256 belongs to data of your own; name their source."
            )
        if not _SHA256.fullmatch(self.sha256):
            raise SettingError(
                f"[[data]] {self.name!r}: sha256 is 64 digits 0-9 and a-f, as 'spikeproof data "
                f"check' prints them; got {self.sha256!r}."
            )

    def beside(self, plan: Path) -> DataPlan:
        """The same with the path of its source counted from the folder of a plan file."""
        return self if self.source is None else replace(self, source=str(plan.parent / self.source))

    def record(self) -> dict[str, Any]:
        """Plain data; what plans from before there was such a choice do not say stays unsaid."""
        record = asdict(self)
        for name, usual in (("radii", {}), ("source", None), ("sha256", None), ("front_end", None)):
            if record[name] == usual:
                del record[name]
        return record
