"""What a plan says of a network that is trained already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from spikeproof.adapters import is_source
from spikeproof.base import (
    FileProblem,
    InputError,
    SettingError,
    canonical_json,
    check_seed,
    check_text,
    digest_file,
)
from spikeproof.data import Dataset
from spikeproof.models import ModelSpec, check_fit, load_model, model_digest

__all__ = ["NetworkPlan", "Weights", "checked_digest", "read_weights_of"]

# Keys of networks that code of a user makes; plans without one have the hash they always had.
_OF_SOURCES = ("build", "weights", "arguments", "adapt", "source_sha256")


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """One ``[[network]]`` table: a trained network under a name, in a file or made by own code.

    Its cells are those of a training with one seed. Where files lie enters no id: the network in
    them does, and what the code says that makes it.

    Args:
        name: What tables call it; no training of the plan has the same name.
        file: A ``model.safetensors`` that ``save_model`` wrote. In a plan file the path starts
            at the folder of the plan.
        build: In place of a file, the function or class that makes the network,
            ``"module.py:build"`` with a path from the folder of the plan, or
            ``"package.module:build"``.
        weights: With ``build``: its weights, a safetensors or torch file, from the folder of the
            plan; what ``build`` itself loads where absent.
        arguments: With ``build``: its keyword arguments.
        adapt: With ``build``: settings of ``adapt``, such as ``{steps = 8, reduce = "rate"}``.
        data: Data sets it is attacked on; every one where absent.
        seed: Seed of the attacks on it; the plan's first where absent.
        sha256: Hash of ``file`` or ``weights``, 64 hex digits. A file of another hash is refused;
            any is taken where absent.
        source_sha256: The same of what the code of ``build`` says.
    Raises:
        SettingError: a negative seed, no file and no function or both, or a hash that is none.
    """

    name: str
    file: str = ""
    build: str | None = None
    weights: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    adapt: dict[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] | None = None
    seed: int | None = None
    sha256: str | None = None
    source_sha256: str | None = None

    def __post_init__(self) -> None:
        if not self.name or bool(self.file) == bool(self.build):
            raise SettingError("A [[network]] needs a name and a file, or a name and build.")
        check_text(self.name, "network")
        place = f"[[network]] {self.name!r}"
        if self.seed is not None and check_seed(self.seed, f"{place}: seed") < 0:
            raise SettingError(f"{place}: seed must be at least 0.")
        for key, wanted in (("sha256", self.sha256), ("source_sha256", self.source_sha256)):
            if wanted is not None and (len(wanted) != 64 or set(wanted) - set("0123456789abcdef")):
                raise SettingError(
                    f"{place}: {key} is 64 digits 0-9 and a-f, as sha256sum prints them; got "
                    f"{wanted!r}."
                )
        self._check_source(place)

    def _check_source(self, place: str) -> None:
        """Raise where what belongs to ``build`` stands without it, or says nothing plain."""
        if self.build is None:
            for key in _OF_SOURCES[1:]:
                if getattr(self, key):
                    raise SettingError(
                        f"{place}: {key} belongs to build = 'module.py:build'; a file of ours says "
                        "all by itself."
                    )
            return
        if not is_source(self.build):
            raise SettingError(
                f"{place}: build names a function, 'module.py:build' or 'package.module:build'; "
                f"got {self.build!r}."
            )
        for key in ("arguments", "adapt"):
            try:
                canonical_json(getattr(self, key))
            except (TypeError, ValueError):
                raise SettingError(
                    f"{place}: {key} may hold texts, finite numbers, true, false, lists and "
                    f"tables; got {getattr(self, key)!r}."
                ) from None

    def beside(self, plan: Path) -> NetworkPlan:
        """The same with its paths counted from the folder of a plan file."""
        if self.build is None:
            return replace(self, file=str(plan.parent / self.file))
        module = self.build.rpartition(":")[0] or self.build
        own = str(plan.parent / self.build) if module.endswith(".py") else self.build
        weights = None if self.weights is None else str(plan.parent / self.weights)
        return replace(self, build=own, weights=weights)

    def record(self) -> dict[str, Any]:
        """Plain data; a table without ``build`` has the keys it always had."""
        record = asdict(self)
        for key in [key for key in _OF_SOURCES if not record[key]]:
            del record[key]
        return record


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network, as ids need to know it.

    Args:
        model: What it is, as plain data.
        sha256: Hash of its weights, whatever else their file holds.
        parameters: How many numbers it has learned.
    """

    model: Mapping[str, Any]
    sha256: str
    parameters: int


def read_weights_of(network: NetworkPlan, data: Dataset) -> Weights:
    """Return what a ``[[network]]`` table with a file names, if it can be attacked on a data set.

    Args:
        network: The table.
        data: The data set.
    Raises:
        FileProblem: no such file, one of another hash than the table says, or no network in it.
        InputError: the network reads other inputs, or answers fewer classes.
    """
    path = Path(network.file)
    found = checked_digest(network, path, "model file")
    spec, sha256, parameters = _read(path, found)
    name = data.spec.name
    check_fit(spec, path, data)
    if spec.classes < data.spec.classes:
        raise InputError(
            f"The model in {path} answers {spec.classes} classes; {name} has {data.spec.classes}."
        )
    return Weights(model=spec.record(), sha256=sha256, parameters=parameters)


def checked_digest(network: NetworkPlan, path: Path, what: str) -> str:
    """Return the hash of a network's file if it is the one that its table means.

    Args:
        network: The table.
        path: The file.
        what: What it is called in an error.
    Raises:
        FileProblem: no such file, or one of another hash.
    """
    if not path.is_file():
        raise FileProblem(f"[[network]] {network.name!r}: there is no {what} at {path}.")
    found = digest_file(path, what, follow=True)
    if network.sha256 not in (None, found):
        raise FileProblem(
            f"[[network]] {network.name!r}: {path} is not the file that the plan means (sha256 "
            f"{found[:16]}..., the plan says {str(network.sha256)[:16]}...). Restore it, or give "
            "the changed network a plan and a folder of its own."
        )
    return found


@cache
def _read(path: Path, sha256: str) -> tuple[ModelSpec, str, int]:
    """What is in a file; the hash says when to look again."""
    model = load_model(path)
    learned = sum(parameter.numel() for parameter in model.parameters())
    return model.spec, model_digest(model), learned
