"""Pages of the reference: what a room offers, by name and by registry, from its docstrings.

``{members}`` documents every class of a registry, ``{documented}`` the names it is given, and
``{front-door}`` lists all of ``spikeproof`` with a link each. Nothing is written twice, so nothing
goes stale.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def registered(path: str) -> dict[str, type]:
    """The classes of a registry by the names they are registered under, this package's own."""
    room, _, name = path.rpartition(".")
    registry = getattr(import_module(f"spikeproof.{room}"), name)
    found = {kind: registry[kind] for kind in registry}
    return {kind: cls for kind, cls in found.items() if cls.__module__.startswith("spikeproof.")}


def home(thing: Any) -> str:
    """Where a class or function is imported from: its room, or its own module."""
    room = ".".join(thing.__module__.split(".")[:2])
    if getattr(import_module(room), thing.__name__, None) is thing:
        return f"{room}.{thing.__name__}"
    return f"{thing.__module__}.{thing.__name__}"


def front_door() -> dict[str, str]:
    """Every name of ``spikeproof`` and where it is documented."""
    import spikeproof

    names = {}
    for name in spikeproof.__all__:
        thing = getattr(spikeproof, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            names[name] = home(thing)
    return names


REGISTRIES = (
    "attacks.ATTACKS",
    "data.DATASETS",
    "models.ENCODERS",
    "neurons.NEURONS",
    "oracle.GRADIENTS",
    "threats.GEOMETRIES",
    "train.TERMS",
    "train.INPUTS",
    "train.HOOKS",
)


def classes() -> dict[str, str]:
    """Every registered class by its bare name, and where it is documented."""
    found = [cls for path in REGISTRIES for cls in registered(path).values()]
    return {cls.__name__: home(cls) for cls in found}


def first_sentence(thing: Any) -> str:
    """What a docstring says first."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".") + "."


class Documented(SphinxDirective):
    """Documents names of a room: ``{documented} data`` with a name a line."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """One entry for each name."""
        room = import_module(f"spikeproof.{self.arguments[0]}")
        return self.entries([getattr(room, line.strip()) for line in self.content if line.strip()])

    def entries(self, things: list[Any], kinds: dict[int, str] | None = None) -> list[nodes.Node]:
        """The docstrings of things, as autodoc renders them."""
        made = []
        for thing in things:
            kind = (kinds or {}).get(id(thing))
            directive = "autoclass" if inspect.isclass(thing) else "autofunction"
            text = f".. {directive}:: {home(thing)}\n"
            if inspect.isclass(thing) and not kind and not issubclass(thing, Exception):
                text += "   :members:\n"
            if kind:
                text += f"\n   Registered as ``{kind}``.\n"
            made.append(f"```{{eval-rst}}\n{text}```\n")
        return self.parse_text_to_nodes("\n".join(made))


class RegistryMembers(Documented):
    """Documents every class of a registry: ``{members} attacks.ATTACKS``."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """One entry for each class; one that has two names says both."""
        kinds: dict[int, str] = {}
        things: dict[int, type] = {}
        for kind, cls in registered(self.arguments[0]).items():
            things[id(cls)] = cls
            kinds[id(cls)] = f"{kinds[id(cls)]}``, ``{kind}" if id(cls) in kinds else kind
        return self.entries(list(things.values()), kinds)


class FrontDoor(SphinxDirective):
    """Lists the names of ``spikeproof``, each with its first sentence."""

    def run(self) -> list[nodes.Node]:
        """A table of two columns."""
        import spikeproof

        rows = []
        for name, where in sorted(front_door().items(), key=lambda item: item[0].lower()):
            sentence = escaped(first_sentence(getattr(spikeproof, name)))
            rows.append(f"| {{py:obj}}`sp.{name} <{where}>` | {sentence} |")
        return self.parse_text_to_nodes("\n".join(["| | |", "|---|---|", *rows]))


def escaped(text: str) -> str:
    """A sentence of a docstring as Markdown in a cell of a table."""
    return text.replace("``", "`").replace("|", "\\|")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("documented", Documented)
    app.add_directive("members", RegistryMembers)
    app.add_directive("front-door", FrontDoor)
    return {"parallel_read_safe": True}
