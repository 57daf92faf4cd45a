"""Networks that code of a user makes: in plans, in ids, in the run, and in whatever computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spikeproof.adapters import Adapted, SourceFiles, UserNetwork, files_of, source_of, user_network
from spikeproof.base import FileProblem, InputError, canonical_json, digest, digest_file, write_json
from spikeproof.data import Dataset, domain_record
from spikeproof.models import load_model, model_digest, read_tensors, save_model, write_tensors
from spikeproof.runs import read_cell
from spikeproof.study.network import NetworkPlan, Weights, checked_digest, read_weights_of

__all__ = [
    "changed_files",
    "network_in",
    "own_network",
    "source_sha256",
    "take_network",
    "weights_of",
]

_EXAMPLES = 8  # items that show how a network is to be asked
_WEIGHTS, _SOURCE = "model.safetensors", "source.json"


def weights_of(network: NetworkPlan, data: Dataset) -> Weights:
    """Return what a ``[[network]]`` table names, after checking that it can be attacked on a set.

    Args:
        network: The table.
        data: The data set.
    Raises:
        FileProblem: no such file, one of another hash than the table says, or no network in it.
        InputError: the network reads other inputs, answers fewer classes, or its code fails.
        SettingError: the code takes other arguments.
    """
    if network.build is None:
        return read_weights_of(network, data)
    place = source_of(network.build)
    files = files_of(place)
    found = source_sha256(files)
    if network.source_sha256 not in (None, found):
        raise FileProblem(
            f"[[network]] {network.name!r}: {network.build} is not the code that the plan means "
            f"(source_sha256 {found[:16]}..., the plan says "
            f"{str(network.source_sha256)[:16]}...). Restore {', '.join(files.hashes)}, or give "
            "the changed network a plan and a folder of its own."
        )
    weights = None if network.weights is None else Path(network.weights)
    if weights is not None:
        checked_digest(network, weights, "weights file")
    parameters, classes, sha256 = _made(network, data, weights, found)
    if classes < data.spec.classes:
        raise InputError(
            f"The network of {place.label} answers {classes} classes; {data.spec.name} has "
            f"{data.spec.classes}."
        )
    model = {
        "name": place.label,
        "domain": domain_record(data.domain),
        "classes": classes,
        "source": {
            "files": files.hashes,
            "libraries": files.libraries(),
            "ours": sorted(files.ours),
            "arguments": network.arguments,
            "adapt": network.adapt,
        },
    }
    return Weights(model=model, sha256=sha256, parameters=parameters)


def network_in(network: NetworkPlan, data: Dataset) -> nn.Module:
    """Return the network that a ``[[network]]`` table names, to be asked at once.

    Args:
        network: The table.
        data: The data set that it is to be asked about.
    Raises:
        FileProblem: as of ``weights_of``, InputError and SettingError too.
    """
    if network.build is None:
        return load_model(network.file)
    return user_network(
        network.build,
        network.weights,
        example=_example(data),
        arguments=network.arguments,
        settings=network.adapt,
        told=False,
    ).adapted


def source_sha256(files: SourceFiles) -> str:
    """One hash over what the code of a network says, and the versions of what it imports."""
    return digest({"files": files.hashes, "libraries": files.libraries()})


def changed_files(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of the source files that two records of a network hold different hashes of."""
    old, new = (one.get("source", {}).get("files", {}) for one in (before, after))
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def take_network(
    folder: Path, cell: Mapping[str, Any], paths: tuple[str, str | None], data: Dataset
) -> dict[str, Any]:
    """Take a network into a run: its weights, and of one of own code a copy of what that says.

    Args:
        folder: Of the cell that holds it.
        cell: What the cell says that it is.
        paths: Its file; or where the code is that makes it, and the weights.
        data: The data set that it is attacked on.
    Returns:
        What was found out about it.
    Raises:
        InputError: file, code or weights were changed since the cell was planned, or code fails.
        FileProblem: they are gone.
    """
    source, weights = paths
    if "source" not in cell["model"]:
        model = load_model(source)
        if model_digest(model) != cell["model_sha256"]:
            raise InputError(f"{source} was changed while the study ran; run again.")
        save_model(model, folder / _WEIGHTS, make=False)
        return {"parameters": _parameters(model)}
    user = _loaded(source, cell["model"], None if weights is None else Path(weights), data)
    if model_digest(user.adapted) != cell["model_sha256"]:
        raise InputError(
            f"The weights that {source} gets{'' if weights is None else f' from {weights}'} are "
            "not those that the study was planned with; run again, and see that what the code "
            "makes depends on its arguments alone."
        )
    header = {"schema": 1, "source": {"name": cell["model"]["name"], **cell["model"]["source"]}}
    write_tensors(folder / _WEIGHTS, user.tensors, header, make=False)
    # For readers. It is never run: a run folder may come from anybody.
    write_json(folder / _SOURCE, {"files": user.files.texts}, make=False)
    return {
        "parameters": _parameters(user.adapted),
        "reading": user.adapted.reading.record(),
        "notes": list(user.notes),
    }


def own_network(folder: Path, build: str, data: Dataset) -> Adapted:
    """Make a network by a user's code, with the weights that a run keeps.

    Args:
        folder: Of the complete cell that holds it.
        build: Where the code is.
        data: The data set that it is attacked on.
    Raises:
        InputError: the code is not what it was when the run took the network, or fails.
        FileProblem: the code is gone, or the cell was changed.
    """
    record = read_cell(folder)
    tensors, _ = read_tensors(folder / _WEIGHTS)
    network = _loaded(build, record["cell"]["model"], tensors, data).adapted
    if model_digest(network) != record["inputs"]["model_sha256"]:
        raise InputError(
            f"{build} does not make the network that the run holds, with the same weights and "
            "code; see that what it makes depends on its arguments alone, and run again."
        )
    return network


def _loaded(
    build: str,
    model: Mapping[str, Any],
    weights: Path | Mapping[str, Tensor] | None,
    data: Dataset,
) -> UserNetwork:
    """A network by its code, which must say what it said when it was planned."""
    source = model["source"]
    files = files_of(source_of(build))
    changed = changed_files(model, {"source": {"files": files.hashes}})
    changed += sorted(dict(files.libraries().items() ^ source["libraries"].items()))
    if changed:
        raise InputError(
            f"{', '.join(changed)}, which make the network of {build}, changed while the study "
            "ran; run again."
        )
    return user_network(
        build,
        weights,
        example=_example(data),
        arguments=source["arguments"],
        settings=source["adapt"],
        told=False,
    )


_seen: dict[tuple[str, ...], tuple[int, int, str]] = {}


def _made(
    network: NetworkPlan, data: Dataset, weights: Path | None, code: str
) -> tuple[int, int, str]:
    """Parameters, classes and hash of a network; made once per process while no file changes."""
    settings = canonical_json([network.arguments, network.adapt])
    file = "" if weights is None else digest_file(weights, "weights file", follow=True)
    key = (str(network.build), code, file, settings, data.spec.sha256)
    if key not in _seen:
        user = user_network(
            str(network.build),
            weights,
            example=_example(data),
            arguments=network.arguments,
            settings=network.adapt,
        )
        _seen[key] = (_parameters(user.adapted), user.classes, model_digest(user.adapted))
    return _seen[key]


def _example(data: Dataset) -> Tensor:
    """A few items, none of them a test item."""
    return data.validation.x[:_EXAMPLES]


def _parameters(network: nn.Module) -> int:
    """How many numbers it has learned."""
    return sum(parameter.numel() for parameter in network.parameters())
