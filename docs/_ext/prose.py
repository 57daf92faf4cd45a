"""What every page is given when the site is built: norms as symbols, keys and names as links."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, ClassVar

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

from reference import classes, front_door

NORM = re.compile(r"\bl_(inf|[012p])(?![a-zA-Z0-9])")
SYMBOL = {"inf": "∞", "0": "₀", "1": "₁", "2": "₂", "p": "ₚ"}
NAME = re.compile(r"(?:sp|spikeproof)((?:\.\w+)+)(?:\(.*\))?", re.DOTALL)
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


@cache
def works() -> frozenset[str]:
    """The keys of the bibliography."""
    from spikeproof.base import references

    return frozenset(references())


class Norms(SphinxTransform):
    """``l_inf`` in a sentence becomes ℓ∞; code stays as it is typed."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Change the text of the page."""
        for text in list(self.document.findall(nodes.Text)):
            if not NORM.search(text) or isinstance(text.parent, VERBATIM):
                continue
            new = NORM.sub(lambda match: "ℓ" + SYMBOL[match[1]], text)
            text.parent.replace(text, nodes.Text(new))


class Files(SphinxTransform):
    """Links to files of the repository lead to the page of that file, or nowhere."""

    default_priority = 402
    pages: ClassVar = {"research/README.md": "research", "CONTRIBUTING.md": "contributing"}

    def apply(self, **kwargs: Any) -> None:
        """Turn downloads and links that myst could not place into references."""
        for node in list(self.document.findall(addnodes.download_reference)) + list(
            self.document.findall(addnodes.pending_xref)
        ):
            target = node.get("reftarget", "").lstrip("./")
            page = self.pages.get(target)
            if page is None and target.endswith(".toml"):  # a file of the checkout, no page
                node.replace_self(nodes.inline("", node.astext()))
            if page is None:
                continue
            link = addnodes.pending_xref(
                "", refdomain="std", reftype="doc", reftarget=f"/{page}", refexplicit=True
            )
            link["refdoc"] = self.env.docname
            link += nodes.inline("", node.astext())
            node.replace_self(link)


class Names(SphinxTransform):
    """``sp.audit``, ``spikeproof.attacks.PGD`` and ``PGD`` lead to their documentation."""

    default_priority = 401

    def apply(self, **kwargs: Any) -> None:
        """Put a reference around every such literal."""
        doors, known = front_door(), classes()
        for literal in list(self.document.findall(nodes.literal)):
            match = NAME.fullmatch(literal.astext())
            bare = literal.astext().partition("(")[0]
            if inside(literal, (nodes.reference, addnodes.pending_xref, nodes.title)):
                continue
            if match is not None:
                target = doors.get(match[1][1:], f"spikeproof{match[1]}")
            elif bare in known and literal.astext() in (bare, f"{bare}()"):
                target = known[bare]
            else:
                continue
            link = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True
            )
            literal.replace_self(link)
            link += literal


class Keys(SphinxPostTransform):
    """A key of the bibliography leads to its work."""

    default_priority = 200

    def run(self, **kwargs: Any) -> None:
        """Put a reference around every key but those of the bibliography itself."""
        builder = self.app.builder
        here = self.env.docname
        if here == "bibliography" or builder.format != "html":
            return
        page = builder.get_relative_uri(here, "bibliography")
        for literal in list(self.document.findall(nodes.literal)):
            key = literal.astext()
            if key in works() and not inside(literal, (nodes.reference,)):
                link = nodes.reference("", "", internal=True, refuri=f"{page}#{key}")
                literal.replace_self(link)
                link += literal
        for field in self.document.findall(nodes.field):
            if field[0].astext() == "References":
                self.link_words(field[1], page)

    def link_words(self, body: nodes.Element, page: str) -> None:
        """Keys in the running text of a docstring's references."""
        for text in list(body.findall(nodes.Text)):
            parts: list[nodes.Node] = []
            for word in re.split(r"(\w+)", text):
                linked = word in works()
                link = nodes.reference("", word, internal=True, refuri=f"{page}#{word}")
                parts.append(link if linked else nodes.Text(word))
            text.parent.replace(text, parts)


def inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    """Whether a node lies in one of those kinds."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the transforms."""
    app.add_transform(Norms)
    app.add_transform(Names)
    app.add_transform(Files)
    app.add_post_transform(Keys)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
