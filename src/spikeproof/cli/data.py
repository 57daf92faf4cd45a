"""``spikeproof data``: what the data sets are, whether they are intact, and what is in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof import catalogue
from spikeproof.cli.completion import complete_data
from spikeproof.cli.options import DataDir, Json
from spikeproof.cli.show import note, print_json, print_table, say
from spikeproof.names import radius_text

if TYPE_CHECKING:
    from spikeproof.data import Inventory

__all__ = ["app"]

app = typer.Typer(
    help="List the data sets, verify them against their hashes, or look into one.",
    no_args_is_help=True,
)


@app.command("list")
def _list(as_json: Json = False) -> None:
    """Name the data sets with modality, source and licence.

    \b
    Example:
      spikeproof data list
    """
    specs = _specs()
    if as_json:
        print_json(specs)
        return
    columns = ("name", "modality", "classes", "licence", "sha256", "source")
    shown = [{**spec, "sha256": spec["sha256"][:12]} for spec in specs]
    print_table(columns, [[spec[column] for column in columns] for spec in shown])


def _specs() -> list[dict[str, Any]]:
    """What is known of each data set; asked of the sets only where other packages add some."""
    if not catalogue.guest_points():
        return catalogue.data_specs()
    import dataclasses

    from spikeproof.data import datasets, describe

    return [dataclasses.asdict(describe(name)) for name in datasets()]


@app.command("verify")
def _verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Data sets; all that need no files by default.", autocompletion=complete_data
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make or read data sets anew and compare every array with the published hash.

    \b
    Example:
      spikeproof data verify digits
    """
    from spikeproof.base import check_one_of
    from spikeproof.data import datasets, embedded, verify

    chosen = [check_one_of(name, datasets(), "data set") for name in names or embedded()]
    found = {}
    for name in chosen:
        note(f"{name}: making it anew ...")
        found[name] = verify(name)
    if as_json:
        print_json({name: one.sha256 for name, one in found.items()})
        return
    for name, one in found.items():
        which = "" if one.whole else f", {one.part}"
        say(f"{name}: intact{which}, sha256 {one.sha256}")


@app.command("fetch")
def _fetch(
    name: Annotated[
        str,
        typer.Argument(help="A data set that comes as files.", autocompletion=complete_data),
    ],
    data_dir: DataDir = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only say which file belongs where.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Download the files of a data set into the folder of data sets, checked by their hashes.

    A download that was interrupted goes on where it ended. Where the network does not allow it,
    or the files can only be had by a person, it says which file belongs where.

    \b
    Example:
      spikeproof data fetch mnist --data-dir ~/data
    """
    import dataclasses
    import os
    from pathlib import Path

    from spikeproof.base import SettingError
    from spikeproof.data import DATA_FOLDER, fetch, wanted

    named = data_dir or os.environ.get(DATA_FOLDER)
    if not named:
        raise SettingError(
            f"Name the folder of data sets, with --data-dir or the variable {DATA_FOLDER}."
        )
    folder = Path(named).expanduser()
    if not list_only:
        fetch(name, folder, say=note)
    files = wanted(name, folder)
    if as_json:
        print_json([{**dataclasses.asdict(one), "path": str(one.path)} for one in files])
        return
    for one in files:
        state = "there" if one.there else "lacking"
        say(f"{one.path}: {state}; {one.digest or 'no published hash'}; {one.url}")


@app.command("check")
def _check(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set by name, or your own: FILE.npz, FOLDER, module.py:f.",
            autocompletion=complete_data,
        ),
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say what is seen in a data set: shape, range, balance, duplicates, radii.

    What looks wrong is said last, a line each: items that are in two splits, equal items of
    different classes, classes without items, a range that is hardly used, radii within which the
    right answer may change. Data that are none are refused.

    \b
    Example:
      spikeproof data check mine.npz
    """
    import dataclasses

    from spikeproof.data import inventory, open_data

    seen = inventory(open_data(data))
    if as_json:
        print_json(dataclasses.asdict(seen))
        return
    _tell(seen)


def _pinned(seen: Inventory) -> str:
    """What of a set of the package this is, as the end of a sentence."""
    from spikeproof.data import datasets

    if seen.part is not None:
        return f", as pinned for {seen.part}"
    return ", which is not pinned" if seen.name in datasets() else ""


def _tell(seen: Inventory) -> None:
    """An inventory in words."""
    parts = seen.domain.get("views", [["", seen.domain]])
    for name, domain in parts:
        grid = ", whole numbers" if domain["integer"] else ""
        say(
            f"{name or seen.name}: {domain['kind']} of shape {tuple(domain['shape'])}, legal "
            f"{domain['low']} to {domain['high']}{grid}"
        )
    say(f"{seen.classes} classes, sha256 {seen.sha256}{_pinned(seen)}")
    rows = []
    for name, facts in seen.splits.items():
        counts = facts["by_class"]
        said = [f"{facts[key]:.4g}" if facts["n"] else "" for key in ("low", "high", "mean")]
        rows.append((name, facts["n"], *said, f"{min(counts)} to {max(counts)}", seen.equal[name]))
    print_table(("split", "items", "lowest", "highest", "mean", "a class has", "repeated"), rows)
    shared = [f"{pair}: {count}" for pair, count in seen.equal.items() if "," in pair]
    say(f"items in two splits: {'; '.join(shared)}")
    if seen.constant:
        say(f"{seen.constant} values are the same in every item")
    if seen.apart is not None:
        say(f"items of different classes are at least {seen.apart:.4g} apart in linf (a sample)")
    for threat, radii in seen.radii.items():
        say(f"{threat}: {', '.join(map(radius_text, radii))}")
    for line in seen.notes:
        say(f"note: {line}")
    for line in seen.warnings:
        say(f"warning: {line}")
