"""An audit as a plan: one network in a file, one data set, what attacks it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikeproof.adapters import files_of, is_source, source_of
from spikeproof.base import FileProblem, SettingError, arithmetic, digest, digest_file
from spikeproof.data import Dataset
from spikeproof.evaluate import open_test
from spikeproof.study.network import NetworkPlan
from spikeproof.study.own import source_sha256
from spikeproof.study.plan import DataPlan, Plan
from spikeproof.study.store import RunFolder

__all__ = ["audit_folder", "audit_plan", "refuse_other_audit"]


def audit_plan(
    model: Path | str,
    data: Dataset,
    threats: Sequence[str] | None = None,
    *,
    radii: Mapping[str, Sequence[float]] | None = None,
    suite: str = "standard",
    items: int | None = None,
    weights: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    adapt: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Plan:
    """Return the plan of an audit; ``run`` computes it, ``Audit.load`` reads what came of it.

    Args:
        model: A ``model.safetensors`` that ``save_model`` wrote, or a function that makes a
            network, ``"module.py:build"``; see :class:`NetworkPlan`.
        data: The data set whose test items are used; the package knows it by its name.
        threats: Names of threats; all that the data set declares where absent.
        radii: Threat → its radii, ascending, in place of the data set's.
        suite: Name of the attack suite.
        items: How many test items; all where absent.
        weights: Of the network that a function makes.
        arguments: Of the function.
        adapt: Settings of ``adapt`` for its network.
        settings: Other fields of :class:`Plan`: ``seeds``, ``draws``, ``budget``,
            ``keep_adversarials``, ``despite``, ``probe_items`` (none by default), ``grid``,
            ``workers``.
    Raises:
        FileProblem: there is no such file.
        InputError: more items than the data set has.
        SettingError: a setting that does not exist or fit.
    Example:
        >>> from spikeproof.data import load
        >>> audit_plan("no.safetensors", load("digits"))
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no model file at no.safetensors.
    """
    own = {"weights": weights, "arguments": arguments, "adapt": adapt}
    if is_source(str(model)):
        network = _made_by(str(model), weights, arguments, adapt)
    elif given := [name for name, value in own.items() if value]:
        raise SettingError(
            f"{model} is a file, which says all by itself, and {', '.join(given)} belong to a "
            "function that makes a network; name it as module.py:build."
        )
    else:
        network = _in_file(Path(model))
    part = DataPlan(
        name=data.spec.name,
        source=data.spec.reference,
        sha256=data.spec.sha256 if data.spec.reference else None,
        threats="all" if threats is None else tuple(dict.fromkeys(threats)),
        radii={name: tuple(values) for name, values in (radii or {}).items()},
    )
    return Plan(
        **{
            "name": f"audit-{network.name}",
            "data": (part,),
            "network": (network,),
            "suite": suite,
            "items": len(open_test(data, items)),
            "probe_items": 0,
            "claims": (),
            **settings,
        }
    )


def _in_file(path: Path) -> NetworkPlan:
    """The table of a network in a file of ours."""
    return NetworkPlan(
        name=_named(path.parent.name if path.name == "model.safetensors" else path.stem),
        file=str(path),
        sha256=digest_file(path, "model file", follow=True),
    )


def _made_by(
    build: str,
    weights: Path | str | None,
    arguments: Mapping[str, Any] | None,
    adapt: Mapping[str, Any] | None,
) -> NetworkPlan:
    """The table of a network that code of a user makes."""
    place = source_of(build)
    found = None if weights is None else digest_file(weights, "weights file", follow=True)
    return NetworkPlan(
        name=_named(place.label.replace(".py:", ":")),
        build=build,
        weights=None if weights is None else str(weights),
        arguments=dict(arguments or {}),
        adapt=dict(adapt or {}),
        sha256=found,
        source_sha256=source_sha256(files_of(place)),
    )


def _named(text: str) -> str:
    """A text as the name of a network."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-") or "model"


def audit_folder(plan: Plan) -> Path:
    """The run folder of an audit that names none: another audit has another one.

    Example:
        >>> from spikeproof.study import NetworkPlan
        >>> network = NetworkPlan(name="mine", file="mine.safetensors")
        >>> plan = Plan(name="audit-mine", data=(DataPlan(name="digits"),), network=(network,))
        >>> audit_folder(plan).as_posix()[:-8]  # the last eight are of the hash of all settings
        'runs/audit-mine-digits-quick-'
    """
    ending = digest(_identity(plan))[:8]
    return Path("runs") / f"{plan.name}-{plan.data[0].name}-{plan.suite}-{ending}"


def refuse_other_audit(folder: Path, plan: Plan) -> None:
    """Raise where a folder cannot take the run of a plan; nothing has been computed by then.

    Args:
        folder: Where it would be run.
        plan: What would be run.
    Raises:
        FileProblem: the folder is a file, or holds another audit or another run.
    """
    if not folder.is_dir():
        parents = [one for one in (folder, *folder.parents) if one.exists()]
        if parents and not parents[0].is_dir():
            raise FileProblem(f"{parents[0]} is a file; an audit needs a folder of its own.")
        return
    if (folder / "audit.json").exists():
        raise FileProblem(
            f"{folder} holds an audit that was saved there (audit.json); choose another folder, or "
            "move that one away."
        )
    if not (folder / "plan.json").exists():
        return
    other, _ = RunFolder(folder).planned()
    mine, theirs = _identity(plan), _identity(other)
    differ = sorted(key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key))
    if differ:
        what = "another audit" if other.network and not other.training else "another run"
        raise FileProblem(
            f"{folder} holds {what}, {other.name!r}, which differs in {', '.join(differ)}; choose "
            "another folder, or move that one away."
        )


def _identity(plan: Plan) -> dict[str, Any]:
    """What of a plan says which audit it is: not where files lie, what
    computes, or in spite of which flags numbers are stated."""
    record = plan.record()
    for network in record.get("network", ()):
        for key in ("file", "weights"):
            network.pop(key, None)
        if "build" in network:  # the name in it, without the folder
            network["build"] = network["build"].replace("\\", "/").rpartition("/")[2]
    for data in record["data"]:
        data.pop("source", None)
    for key in ("compute", "despite", "workers"):
        record.pop(key, None)
    return {**record, **arithmetic(plan.compute.device)}
