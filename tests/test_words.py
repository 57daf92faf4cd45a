"""Pages, docstrings and messages speak the field's language, and no private words of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Pattern → what to write instead. Entries of the changelog stay as they were written, names and
# titles of the bibliography are those of others, and the glossary lists words that are not used.
PRIVATE = {
    r"draws? itself|draws? themselves|networks? (?:that|which) draws?": "stochastic network",
    r"his|hers|himself|he|she": "their, its own",
    r"gradient paths?": "gradient rule",
    r"exams?": "robust validation",
    r"craft(?:s|ed|ing)?": "make adversarial inputs",
    r"climb(?:s|ed|ing|er)?": "maximise, ascend (attacks); evaluate (ladders)",
    r"sieges?": "suite run",
    r"deaf to": "ignores",
    r"(?:is|are|be|been|was|were|not) told": "says, names, receives, distinguishable",
    r"(?:hears?|heard) (?:of|each|itself)|felt": "receives",
    r"natural models?": "clean model",
    r"multinorm-sparse": "multinorm",
}
UNSPOKEN = ("CHANGELOG.md", "docs/glossary.md", "docs/bibliography.md")
# RAMP's paper calls the second model natural.
EXCEPT = {("docs/methods/ramp.md", r"natural models?")}


def private_words(text: str) -> list[tuple[str, str]]:
    """Every private word of a text, and what to write instead."""
    found = []
    for pattern, instead in PRIVATE.items():
        for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            found.append((match[0], instead))
    return found


def sentences(path: Path) -> Iterator[str]:
    """Docstrings and messages of a Python file: its strings of more than one word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and " " in value:
            yield re.sub(r"\s+", " ", value)


def texts() -> Iterator[tuple[str, str]]:
    """What readers read: pages, docstrings and messages, templates of the report, plans."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "research").glob("*.md")]
    source = ROOT / "src" / "spikeproof"
    plain = [*pages, *source.rglob("*.j2"), *source.rglob("*.toml")]
    plain += (ROOT / "research" / "plans").glob("*.toml")
    for path in sorted(plain):
        name = path.relative_to(ROOT).as_posix()
        if name not in UNSPOKEN and "_build" not in path.parts:
            yield name, re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))
    for folder in (source, ROOT / "research", ROOT / "benchmarks", ROOT / "scripts"):
        for path in sorted(folder.rglob("*.py")):
            for text in sentences(path):
                yield path.relative_to(ROOT).as_posix(), text


def test_no_private_word_is_left_in_what_readers_read() -> None:
    offenders = [
        f"{name}: {word!r}, write: {instead}"
        for name, text in texts()
        for word, instead in private_words(text)
        if not any(name == page and re.fullmatch(pattern, word) for page, pattern in EXCEPT)
    ]
    assert not offenders, "\n".join(["", *offenders])


def test_a_private_word_is_found_wherever_it_stands(tmp_path: Path) -> None:
    page = tmp_path / "a.py"
    page.write_text(
        '"""The attacker chooses\n    his own gradient."""\nkey = "exam"\nx = f"a {key} climbs"'
    )
    found = [word for text in sentences(page) for word, _ in private_words(text)]
    assert sorted(found) == ["climbs", "his"]
    assert private_words("this craftsman, the history of exams") == [("exams", "robust validation")]


def test_the_glossary_forbids_no_word_that_a_page_is_called_by() -> None:
    rows = re.findall(
        r"^\| .+ \| .+ \| (.+) \|$", (ROOT / UNSPOKEN[1]).read_text("utf-8"), re.MULTILINE
    )
    forbidden = {word.strip().lower() for row in rows for word in row.split(",")}
    pages = {path.stem.replace("_", " ") for path in (ROOT / "docs").rglob("*.md")}
    assert len(forbidden) > 50
    assert not forbidden & pages
