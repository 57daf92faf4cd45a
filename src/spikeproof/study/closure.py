"""Which code a name can reach: its import closure, read from syntax trees and never by running.

The unit is what a module binds at its top level: a class, a function, a constant. Each is followed
to the names it uses, through imports to where these are bound, so that ``from spikeproof.attacks
import PGD`` leads to the file of PGD and not to the other attacks that the same face imports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from spikeproof.base import FileProblem
from spikeproof.study.syntax import WHOLE, Chain, Imports, Module, Symbol, module_of

__all__ = ["closure_sha256", "reached"]


def closure_sha256(roots: Iterable[Symbol], *, without: Iterable[Symbol] = ()) -> str:
    """Return one hash over all the code that the roots can reach.

    Args:
        roots: (module, name) of classes and functions.
        without: Names that do not count and are not followed.
    Raises:
        FileProblem: a root has no source file, so that nothing can be said of its code.
    """
    total = hashlib.sha256()
    for symbol, meaning in sorted(reached(roots, without=without).items()):
        total.update(f"{':'.join(symbol)}\0{meaning}\0".encode())
    return total.hexdigest()


def reached(roots: Iterable[Symbol], *, without: Iterable[Symbol] = ()) -> dict[Symbol, str]:
    """Return every name that the roots can reach, with the hash of what it means.

    A name is followed within this package and the top-level packages of the roots. Of a registry
    only its class counts: which of its members matter is for whoever gives the roots to say.

    Args:
        roots: (module, name) of classes and functions.
        without: Names that do not count and are not followed.
    """
    roots, found = list(roots), dict[Symbol, str]()
    within = frozenset({__name__.partition(".")[0], *(_top(module) for module, _ in roots)})
    left_out = {_bound(symbol, within) for symbol in without}
    for module, name in roots:
        here = module_of(module)
        if here is None or name not in {*here.binds, *here.imports}:
            raise FileProblem(
                f"The code of {module}.{name} cannot be read, so its results could not be kept "
                "apart from those of other code; define it in a file that can be imported."
            )
    waiting = [_bound(root, within) for root in roots]
    while waiting:
        symbol = waiting.pop()
        if symbol in found or symbol in left_out or _top(symbol[0]) not in within:
            continue
        found[symbol], leads = _meaning_of(symbol, within)
        waiting += leads
    return found


@cache
def _meaning_of(symbol: Symbol, within: frozenset[str]) -> tuple[str, tuple[Symbol, ...]]:
    """The hash of what a name is bound to, and the names that this uses."""
    module, name = symbol
    here = module_of(module)
    if here is None:
        return "", ()
    if name == WHOLE:
        return "", tuple((module, each) for each in ["", *here.binds, *here.imports])
    if name in here.imports and name not in here.binds:  # of a whole module: what it hands on
        return "", (_bound(symbol, within),)
    parts: list[object] = []
    leads = [(module, "")]
    if name in here.imports:  # imported here and bound there, as in try and except
        leads.append(_bound(here.imports[name], within))
    for statement in here.binds.get(name, here.effects if name == "" else []):
        uses = {
            ".".join(chain): targets
            for chain in statement.uses
            if (targets := _targets(here, chain, statement.imports, within))
        }
        also = [_bound(other, within) for other in statement.also]
        parts.append([statement.sha256, sorted(uses.items()), also])
        leads += [*also, *(target for targets in uses.values() for target in targets)]
    return hashlib.sha256(repr(parts).encode()).hexdigest(), tuple(leads)


def _bound(symbol: Symbol, within: frozenset[str]) -> Symbol:
    """Where a name is bound that a module may only hand on."""
    module, name = symbol
    here = module_of(module) if _top(module) in within else None
    if here is None or name in ("", WHOLE) or name in here.binds:
        return symbol
    if name in here.imports:
        return symbol if here.imports[name] == symbol else _bound(here.imports[name], within)
    if module_of(f"{module}.{name}") is not None:
        return (f"{module}.{name}", WHOLE)
    for star in here.stars:
        if (found := _bound((star, name), within)) != (star, WHOLE):
            return found
    return (module, WHOLE)  # made up when it is asked for


def _targets(here: Module, chain: Chain, own: Imports, within: frozenset[str]) -> list[Symbol]:
    """What ``a.b.c`` may refer to in a statement of a module; nothing for locals and builtins.

    Where a function imports a name that the module has too, both count: which one is meant where
    is for Python to say.
    """
    name, *rest = chain
    starts = [own[name]] if name in own else []
    if name in here.binds:
        starts.append((here.name, name))
    elif name in here.imports:
        starts.append(here.imports[name])
    elif not starts:
        starts = [(star, name) for star in here.stars]
    found = []
    for start in starts:
        target = _bound(start, within)
        for attribute in rest:
            if target[1] != WHOLE or _top(target[0]) not in within:
                break
            target = _bound((target[0], attribute), within)
        found.append(target)
    return found


def _top(module: str) -> str:
    """The top-level package of a module."""
    return module.partition(".")[0]
