"""What a plan says of a network that is trained already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from spikeproof.base import (
    FileProblem,
    InputError,
    SettingError,
    check_seed,
    check_text,
    digest_file,
)
from spikeproof.data import Dataset
from spikeproof.models import ModelSpec, check_fit, load_model, model_digest

__all__ = ["NetworkPlan", "Weights", "weights_of"]


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """One ``[[network]]`` table: a trained network in a file, under a name.

    Its cells are those of a training with one seed. Where the file lies enters no id: the network
    in it does.

    Args:
        name: What tables call it; no training of the plan has the same name.
        file: A ``model.safetensors`` that ``save_model`` wrote. In a plan file the path starts
            at the folder of the plan.
        data: Data sets it is attacked on; every one where absent.
        seed: Seed of the attacks on it; the plan's first where absent.
        sha256: Hash of the file, 64 hex digits. A file of another hash is refused; any is taken
            where absent.
    Raises:
        SettingError: a negative seed, no file, or a hash that is none.
    """

    name: str
    file: str
    data: tuple[str, ...] | None = None
    seed: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.file:
            raise SettingError("A [[network]] needs a name and a file.")
        check_text(self.name, "network")
        if self.seed is not None and check_seed(self.seed, f"[[network]] {self.name!r}: seed") < 0:
            raise SettingError(f"[[network]] {self.name!r}: seed must be at least 0.")
        wanted = self.sha256
        if wanted is not None and (len(wanted) != 64 or set(wanted) - set("0123456789abcdef")):
            raise SettingError(
                f"[[network]] {self.name!r}: sha256 is 64 digits 0-9 and a-f, as sha256sum prints "
                f"them; got {wanted!r}."
            )

    def beside(self, plan: Path) -> NetworkPlan:
        """The same with its path counted from the folder of a plan file."""
        return replace(self, file=str(plan.parent / self.file))


@dataclass(frozen=True)
class Weights:
    """A network in a file, as ids need to know it.

    Args:
        spec: What it is.
        sha256: Hash of its weights, whatever else the file holds.
        parameters: How many numbers it has learned.
    """

    spec: ModelSpec
    sha256: str
    parameters: int


def weights_of(network: NetworkPlan, data: Dataset) -> Weights:
    """Return what a ``[[network]]`` table names, after checking that it can be attacked on a set.

    Args:
        network: The table.
        data: The data set.
    Raises:
        FileProblem: no such file, one of another hash than the table says, or no network in it.
        InputError: the network reads other inputs, or answers fewer classes.
    """
    path = Path(network.file)
    if not path.is_file():
        raise FileProblem(f"[[network]] {network.name!r}: there is no model file at {path}.")
    found = digest_file(path, "model file", follow=True)
    if network.sha256 not in (None, found):
        raise FileProblem(
            f"[[network]] {network.name!r}: {path} is not the file that the plan means (sha256 "
            f"{found[:16]}..., the plan says {str(network.sha256)[:16]}...). Restore it, or give "
            "the changed network a plan and a folder of its own."
        )
    weights = _read(path, found)
    name, spec = data.spec.name, weights.spec
    check_fit(spec, path, data)
    if spec.classes < data.spec.classes:
        raise InputError(
            f"The model in {path} answers {spec.classes} classes; {name} has {data.spec.classes}."
        )
    return weights


@cache
def _read(path: Path, sha256: str) -> Weights:
    """What is in a file; the hash says when to look again."""
    model = load_model(path)
    learned = sum(parameter.numel() for parameter in model.parameters())
    return Weights(model.spec, model_digest(model), learned)
