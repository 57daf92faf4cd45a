"""Print the hashes of data sets as they are made or read here: ``python -m spikeproof.data.pin``.

After a deliberate change of a set, raise its version and paste the printed block over ``pinned``
in the facts of its file, or into ``pinned_parts`` where only a part of the set is at hand: every
number measured on the old one is then another data set's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from spikeproof.data.sets import DATASETS
from spikeproof.data.store import _make, _notes, _place, datasets, embedded, fingerprint

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make data sets, compare them with their pinned hashes, and print those that differ.

    Args:
        arguments: Command line without the program's name.
    Returns:
        0 if all hashes are as pinned, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m spikeproof.data.pin", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; default the embedded")
    same = True
    for name in parser.parse_args(arguments).names or embedded():
        if name not in datasets():
            parser.error(f"unknown data set {name!r}; known: {', '.join(datasets())}")
        hashes = fingerprint(_make(name, 0, _place(name, None)))
        pinned = {"all": hashes["sha256"], **hashes["arrays"]}
        facts = DATASETS[name].facts
        equal = pinned in (facts.pinned, *facts.pinned_parts.values())
        same &= equal
        print(f"{name:14} {pinned['all']}  {'as pinned' if equal else 'DIFFERS'}")
        if not equal:
            lines = "".join(f'    "{array}": "{value}",\n' for array, value in pinned.items())
            print(f"pinned={{\n{lines}}},")
            if _notes.get((name, _place(name, None))):
                print("A part of the set: goes into pinned_parts, under what the part is.")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
