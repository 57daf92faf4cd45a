"""Docstrings of this package as reStructuredText: their sections become fields and an example."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from sphinx.application import Sphinx

HEAD = re.compile(
    r"^(Args|Returns|Yields|Raises|Cost|Differs from the paper|Example|References):(?: (.*))?$"
)
ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*):\s+(.*)$", re.DOTALL)


def rst_of(lines: list[str]) -> list[str]:
    """A docstring's lines as reStructuredText.

    Fields come first and the example last, as readers look for them.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        head = HEAD.match(line)
        if head:
            parts.append((head[1], [head[2]] if head[2] else []))
        else:
            parts[-1][1].append(line)
    text = list(parts[0][1])
    fields: list[str] = []
    example: list[str] = []
    for name, body in parts[1:]:
        rest = body[1:] if body and not body[0].startswith(" ") else body  # text beside the head
        inner = textwrap.dedent("\n".join(rest)).strip("\n").split("\n")
        inner = [*body[: len(body) - len(rest)], *inner]
        if name == "Example":
            example += ["", ".. rubric:: Example", "", *inner, ""]
        else:
            fields += field_of(name, inner)
    return [*text, "", *fields, "", *example]


def field_of(name: str, lines: list[str]) -> list[str]:
    """One section as fields of a field list."""
    if name == "Args":
        return [line for entry in entries(lines) for line in named("param", entry)]
    if name == "Raises":
        return [line for entry in entries(lines) for line in named("raises", entry)]
    if name in ("Returns", "Yields"):
        return indented(":returns:", lines)
    return indented(f":{name}:", lines)


def entries(lines: list[str]) -> list[list[str]]:
    """Paragraphs that begin at the margin, with their indented continuations."""
    found: list[list[str]] = []
    for line in lines:
        if line and not line.startswith(" "):
            found.append([line])
        elif found:
            found[-1].append(line)
    return found


def named(kind: str, lines: list[str]) -> list[str]:
    """``name: text`` as a field of that name; several names share a text."""
    match = ENTRY.match("\n".join(lines))
    if match is None:
        return indented(f":{kind.capitalize()}:", lines)
    made: list[str] = []
    for name in match[1].split(", "):
        made += indented(f":{kind} {name.lstrip('*')}:", match[2].split("\n"))
    return made


def indented(head: str, lines: list[str]) -> list[str]:
    """A field with a body; continuations stand under it."""
    body = textwrap.dedent("\n".join(lines[1:])).split("\n") if lines[1:] else []
    return [f"{head} {lines[0]}", *(f"    {line}" if line.strip() else "" for line in body)]


def rewrite(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, for autodoc."""
    lines[:] = rst_of(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Take part in autodoc."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", rewrite)
    return {"parallel_read_safe": True}
