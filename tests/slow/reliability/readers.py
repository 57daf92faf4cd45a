"""What reads the files, and what its answer is worth: refused, equal, or a fault."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slow.reliability.subjects import AUDIT, TRAIN, call
from spikeproof.base import SpikeproofError

__all__ = ["READERS", "Untidy", "contents", "printable", "read"]

Reader = Callable[[Path, Path], str]
_TIMES = {"seconds", "seconds_left", "stale", "folder"}  # of a status, no result


class Untidy(Exception):
    """A refusal that is not one sentence, or an answer that a terminal would obey."""


def printable(text: str) -> bool:
    """Whether a terminal only shows a text: no controls, no change of direction, no surrogates."""
    odd = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return all(sign in "\n\t" or unicodedata.category(sign) not in odd for sign in text)


def command(*arguments: object) -> str:
    """The output of a command; SpikeproofError where it refuses as it should."""
    code, out, err = call(*arguments)
    if not printable(out + err):
        raise Untidy(f"signs that a terminal obeys: {(out + err)[:300]!a}")
    if code == 0:
        return out
    sentences = [line for line in err.splitlines() if line and not line.startswith("Preparing")]
    if code != 1 or not sentences or "Traceback" in err or len(sentences[-1]) > 2000:
        raise Untidy(f"exit {code}: {err[-300:]!a} ({len(err)} signs)")
    if "Out of memory" in sentences[-1]:
        raise MemoryError(sentences[-1])
    raise SpikeproofError(sentences[-1])


def _untimed(text: str) -> str:
    """JSON without what may differ from run to run."""
    value = json.loads(text)
    for one in (value, *value.get("cells", ())):
        if isinstance(one, dict):
            for key in _TIMES:
                one.pop(key, None)
    return json.dumps(value, sort_keys=True)


def contents(folder: Path, *without: str) -> str:
    """One hash over what must not differ in a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        # What a damage moved away or laid down is not the run's to remove.
        foreign = path.name == "notes.txt" or path.name.startswith("moved-")
        if path.is_file() and path.name not in ("wall.json", ".lock", *without) and not foreign:
            inside = path.relative_to(folder)
            if inside.parts[0] not in ("stale", "damaged"):
                total.update(f"{inside}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _status(work: Path, pure: Path) -> str:
    return _untimed(command("study", "status", work / "run", "--json"))


def _results(work: Path, pure: Path) -> str:
    from spikeproof.analysis import results

    outcome = results(work / "run")
    record = outcome.to_dict() if hasattr(outcome, "to_dict") else [
        [repr(cell) for cell in outcome.matrix(data)] for data in outcome.data()
    ]  # fmt: skip
    return repr(record)


def _extract(work: Path, pure: Path) -> str:
    to = work.parent / "out" / "extract.json"
    command("study", "extract", work / "run", "--to", to)
    return _untimed(to.read_text(encoding="utf-8"))


def _compare(work: Path, pure: Path) -> str:
    return command("compare", work / "run", pure / "run", "--json")


def _report(work: Path, pure: Path) -> str:
    to = work.parent / "out" / "report.html"
    command("report", work / "run", "--to", to)
    return hashlib.sha256(to.read_bytes()).hexdigest()


def _verified(folder: Path) -> str:
    """``verify`` says on standard output what was changed, as that is what it was asked."""
    code, out, err = call("verify", folder)
    if code == 1 and out and not err:
        if not printable(out):
            raise Untidy(f"signs that a terminal obeys: {out[:300]!a}")
        raise SpikeproofError(out.splitlines()[-1][:300])
    return command("verify", folder)


def _verify(work: Path, pure: Path) -> str:
    return _verified(work / "run")


def _resume(work: Path, pure: Path) -> str:
    """Run the plan again: what is damaged is computed again, to the byte."""
    command("study", "run", pure / "plan.toml", "--folder", work / "run", "--workers", "1")
    return contents(work / "run")


def _plan(work: Path, pure: Path) -> str:
    """A plan is what its author writes: any that makes sense is taken."""
    from spikeproof.study import cells_of, load_plan

    cells_of(load_plan(work / "plan.toml"))
    return "a plan"


def _model(work: Path, pure: Path) -> str:
    from spikeproof.models import load_model, model_digest

    network = load_model(work / "done" / "model.safetensors")
    return json.dumps(network.spec.record(), sort_keys=True) + model_digest(network)


def _attack(work: Path, pure: Path) -> str:
    few = [*AUDIT[:4], "--items", "2", "--threat", "linf", "--radius", "0.05", "--json"]
    return _without_costs(command("audit", work / "done" / "model.safetensors", *few))


def _without_costs(text: str) -> str:
    value = json.loads(text)
    return json.dumps(
        {key: value[key] for key in sorted(value) if key not in ("seconds", "run")}, sort_keys=True
    )


def _training(work: Path, pure: Path) -> str:
    command(*TRAIN, "--folder", work / "half")
    names = ("model.safetensors", "training.safetensors", "training.jsonl")
    return " ".join(hashlib.sha256((work / "half" / n).read_bytes()).hexdigest() for n in names)


def _saved(work: Path, pure: Path) -> str:
    return command("compare", work / "saved", pure / "saved", "--json")


def _verify_saved(work: Path, pure: Path) -> str:
    return _verified(work / "saved")


def _verify_done(work: Path, pure: Path) -> str:
    return _verified(work / "done")


def _audit(work: Path, pure: Path) -> str:
    from spikeproof.evaluate import Audit

    found = json.dumps(Audit.load(work / "audit").to_dict(), sort_keys=True)
    return found + command("compare", work / "audit", pure / "audit", "--json")


def _audit_status(work: Path, pure: Path) -> str:
    return _untimed(command("study", "status", work / "audit", "--json"))


def _audit_report(work: Path, pure: Path) -> str:
    to = work.parent / "out" / "report.html"
    command("report", work / "audit", "--to", to)
    return hashlib.sha256(to.read_bytes()).hexdigest()


def _audit_again(work: Path, pure: Path) -> str:
    command("audit", pure / "done" / "model.safetensors", *AUDIT, "--folder", work / "audit")
    return contents(work / "audit")


def _verify_audit(work: Path, pure: Path) -> str:
    return _verified(work / "audit")


def _extracted(work: Path, pure: Path) -> str:
    from spikeproof.analysis import extracted

    outcome: Any = extracted(work / "extract.json")
    return repr([[repr(cell) for cell in outcome.matrix(data)] for data in outcome.data()])


READERS: dict[str, Reader] = {
    "status": _status,
    "results": _results,
    "extract": _extract,
    "compare": _compare,
    "report": _report,
    "verify": _verify,
    "resume": _resume,
    "plan": _plan,
    "model": _model,
    "attack": _attack,
    "training": _training,
    "saved": _saved,
    "verify done": _verify_done,
    "verify saved": _verify_saved,
    "audit": _audit,
    "audit status": _audit_status,
    "audit report": _audit_report,
    "audit again": _audit_again,
    "verify audit": _verify_audit,
    "extracted": _extracted,
}


def read(name: str, work: Path, pure: Path) -> str:
    """What a reader says of the files in ``work``.

    Raises:
        SpikeproofError: it refuses.
        Untidy: it refuses or answers as it should not.
    """
    return READERS[name](work, pure)
