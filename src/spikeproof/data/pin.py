"""Print or rewrite the pinned hashes: ``python -m spikeproof.data.pin [--write]``.

Run with ``--write`` after a deliberate change of a maker's settings, and raise the version of the
set in ``catalogue.py``: every number measured on the old one is then another data set's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from spikeproof.base import read_json, write_json
from spikeproof.data.catalogue import CATALOGUE
from spikeproof.data.store import PINNED, _make, _place, datasets, embedded, fingerprint

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every data set, compare it with its pinned hash, and pin it anew if told to.

    Args:
        arguments: Command line without the program's name.
    Returns:
        0 if all hashes are as pinned or were rewritten, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m spikeproof.data.pin", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; default the embedded")
    parser.add_argument("--write", action="store_true", help="rewrite the pinned hashes")
    parser.add_argument("--file", type=Path, default=PINNED, help="another file of hashes")
    chosen = parser.parse_args(arguments)
    pinned = read_json(chosen.file) if chosen.file.exists() else {}
    same = True
    for name in chosen.names or embedded():
        if name not in CATALOGUE:
            parser.error(f"unknown data set {name!r}; known: {', '.join(datasets())}")
        entry = {
            "version": CATALOGUE[name].version,
            **fingerprint(_make(name, 0, _place(name, None))),
        }
        equal = pinned.get(name) == entry
        same &= equal
        pinned[name] = entry
        print(f"{name:14} {entry['sha256']}  {'as pinned' if equal else 'DIFFERS'}")
    if chosen.write:
        write_json(chosen.file, pinned)
        print(f"wrote {chosen.file}")
    return 0 if same or chosen.write else 1


if __name__ == "__main__":
    raise SystemExit(main())
