"""``spikeproof list``: what there is, under the names that commands and plans use."""

from __future__ import annotations

from typing import Annotated

import typer

from spikeproof import catalogue
from spikeproof.cli.completion import complete_kind, complete_listed
from spikeproof.cli.options import Json, pick
from spikeproof.cli.show import print_json, print_table

__all__ = ["listing"]


def listing(
    kind: Annotated[
        str | None,
        typer.Argument(
            help=f"{', '.join(sorted(catalogue.kinds())[:-1])} or {max(catalogue.kinds())}; "
            "all of them by default.",
            autocompletion=complete_kind,
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Of that kind; all by default.", autocompletion=complete_listed),
    ] = None,
    as_json: Json = False,
) -> None:
    """List data, models, neurons, threats, attacks, trainings, plans.

    \b
    Example:
      spikeproof list threats
    """
    if kind in _RENAMED:
        from spikeproof.base import old_spelling

        old_spelling(kind, _RENAMED[kind], "spikeproof list")
        kind = _RENAMED[kind]
    kinds = [pick(kind, catalogue.kinds(), "kind")] if kind else catalogue.kinds()
    found = {name: _rows(name) for name in kinds}
    if kind is not None and names:
        known = found[kind]
        found = {kind: {name: known[pick(name, known, _ONE.get(kind, kind))] for name in names}}
    if as_json:
        print_json(found)
        return
    for name, rows in found.items():
        print_table((name, ""), list(rows.items()))


def _rows(kind: str) -> dict[str, str]:
    """The names of a kind; asked of the registries only where other packages add to them."""
    if not catalogue.guest_points():
        return catalogue.rows(kind)
    from spikeproof.cli.entries import entries_of

    return dict(entries_of(kind))


_RENAMED = {"paths": "gradients", "rules": "hooks"}
# What one of a kind is called in a sentence.
_ONE = {"data": "data set", "gradients": "gradient rule", "inputs": "kind of inputs"}
