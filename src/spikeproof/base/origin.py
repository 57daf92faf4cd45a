"""Which code of this package runs: a hash of its files, and the commit where there is one."""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

from spikeproof.base.errors import FileProblem
from spikeproof.base.reading import digest_file, read_text

__all__ = ["code_origin"]


@cache
def code_origin() -> dict[str, str]:
    """Return what says which code runs, plain data.

    ``package_sha256`` is one hash over the Python files of this package, ``commit`` the one that a
    checkout stands at, or that ``pip`` installed; left out where neither is known. A checkout may
    have been changed since its commit: the hash tells.

    Example:
        >>> len(code_origin()["package_sha256"])
        64
    """
    package = Path(str(sys.modules[__name__.split(".")[0]].__file__)).parent
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        total.update(
            f"{path.relative_to(package).as_posix()} {digest_file(path, follow=True)}\n".encode()
        )
    found = {"package_sha256": total.hexdigest()}
    commit = _checked_out(package) or _installed()
    return found if commit is None else {**found, "commit": commit}


def _checked_out(package: Path) -> str | None:
    """The commit of the checkout that the package lies in; not one that it is merely below."""
    root = package.parent.parent
    if package.parent.name != "src" or not (root / "pyproject.toml").is_file():
        return None
    try:
        place = root / ".git"
        if place.is_file():  # of a work tree: where its own part of the repository is
            place = root / read_text(place, "git file").partition("gitdir:")[2].strip()
        head = read_text(place / "HEAD", "git head").strip()
        if not head.startswith("ref:"):
            return _commit(head)
        name = head.partition("ref:")[2].strip()
        shared = place / "commondir"
        common = place / read_text(shared, "git file").strip() if shared.is_file() else place
        for folder in (place, common):
            if (folder / name).is_file():
                return _commit(read_text(folder / name, "git reference").strip())
        for line in read_text(common / "packed-refs", "git references").splitlines():
            if line.endswith(f" {name}"):
                return _commit(line.split()[0])
    except (FileProblem, OSError):
        pass
    return None


def _installed() -> str | None:
    """The commit that pip installed from a repository, as it notes by PEP 610."""
    from importlib import metadata  # slow to import, and a checkout does without

    try:
        text = metadata.distribution(__name__.split(".")[0]).read_text("direct_url.json")
        found = json.loads(text or "{}").get("vcs_info", {}).get("commit_id")
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return _commit(found) if isinstance(found, str) else None


def _commit(text: str) -> str | None:
    """A text if it is the name of a commit."""
    return text if len(text) in (40, 64) and not set(text) - set("0123456789abcdef") else None
