"""``preview.tex``: a document that shows every table and figure, to look at and to copy from."""

from __future__ import annotations

from collections.abc import Sequence

from spikeproof.export.latex import escaped

__all__ = ["preview"]

_BEGIN = r"""% written by `spikeproof export`; pdflatex, bibtex, pdflatex, pdflatex
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[margin=2.5cm]{geometry}
\begin{document}
"""
_END = r"""\bibliographystyle{plain}
\bibliography{used}
\end{document}
"""


def preview(parts: Sequence[str], figures: Sequence[tuple[str, str]]) -> str:
    """Return a LaTeX document of an export's files.

    Args:
        parts: Files of LaTeX, in order.
        figures: Files of figures, without their endings, each with its title.
    """
    lines = [rf"\input{{{part.removesuffix('.tex')}}}" for part in parts]
    lines += [r"\clearpage"] * bool(figures)
    for file, title in figures:
        size = r"width=\linewidth,height=.3\textheight,keepaspectratio"
        lines += [
            r"\begin{minipage}[t]{.48\linewidth}\centering",
            rf"\includegraphics[{size}]{{{file}}}\par",
            rf"{escaped(title)}\par\bigskip\end{{minipage}}\hfill",
        ]
    return _BEGIN + "\n".join([*lines, r"\clearpage"]) + "\n" + _END
