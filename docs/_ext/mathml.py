"""Equations as MathML, made when the site is built: no script, no font, no address of others."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

# What latex2mathml does not know, or sets otherwise than TeX: the same in its words.
REWRITES = (
    (r"\\!", ""),
    (r"\\[bB]ig{1,2}[lr]?(?=\\|[|/])", ""),
    (r"\\arg\\m", r"\\operatorname{arg}\\,\\m"),
    (r"\\(Pi|Omega|Phi|Delta|Gamma|Sigma)(?![a-zA-Z])", r"\\mathrm{\\\1}"),
    (r":=", r"\\coloneqq "),
)
BIG = re.compile(r"\\[bB]ig{1,2}[lr]?(?=[\[\](){}])")


def grown(latex: str) -> str:
    r"""``\big(`` as ``\left(``: a browser finds the size by itself, where the pairs close."""
    parts = BIG.split(latex)
    opens = [part[0] in "([" for part in parts[1:]]
    depth, closes = 0, True
    for is_open in opens:
        depth += 1 if is_open else -1
        closes = closes and depth >= 0
    if depth or not closes:
        return "".join(parts)
    words = [r"\left" if is_open else r"\right" for is_open in opens]
    return parts[0] + "".join(map("".join, zip(words, parts[1:], strict=True)))


def mathml(latex: str, display: bool) -> str:
    """One equation as MathML; its LaTeX stays with it for readers who hear the page."""
    text = re.sub(r"\s+", " ", latex).strip()
    for pattern, instead in REWRITES:
        text = re.sub(pattern, instead, text)
    markup: str = convert(grown(text), display="block" if display else "inline")
    markup = markup.replace("<mo>&#x0007C;</mo>", '<mo lspace="0" rspace="0">|</mo>')
    markup = markup.replace(
        '<mo stretchy="false">&#x0007C;</mo>', '<mo lspace="0" rspace="0">|</mo>'
    )
    markup = re.sub(r"<m[io]>(~|&#x0?007E;|&#x0223C;)</m[io]>", "<mo>\u223c</mo>", markup)
    return markup.replace("<math ", f'<math alttext="{html.escape(latex.strip())}" ', 1)


def visit_inline(self: Any, node: nodes.math) -> None:
    """Write an equation that stands in a line."""
    self.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.math_block) -> None:
    """Write an equation that stands alone."""
    self.body.append(f'<div class="equation">{mathml(node.astext(), display=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the writer to Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
