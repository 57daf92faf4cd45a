"""Check built pages: every internal link resolves, nothing comes from elsewhere, no TeX is left."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
FOREIGN = re.compile(r"(?:[a-z]+:)?//")
TEX = re.compile(r"\\(?:\(|\[|frac|mathrm|sum|operatorname)|\$\$")


class Page(HTMLParser):
    """What one page links to, loads, and can be linked to at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.prose: list[str] = []
        self._verbatim = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links, anchors and what the browser fetches."""
        values = dict(attrs)
        if values.get("id"):
            self.anchors.add(str(values["id"]))
        if tag == "a" and values.get("href") is not None:
            self.links.append(str(values["href"]))
        elif tag in LOADS and values.get(LOADS[tag]):
            self.loads.append(str(values[LOADS[tag]]))
        self._verbatim += tag in ("script", "style", "pre", "code")

    def handle_endtag(self, tag: str) -> None:
        """Leave code."""
        self._verbatim -= tag in ("script", "style", "pre", "code")

    def handle_data(self, data: str) -> None:
        """Collect what readers read as prose."""
        if not self._verbatim:
            self.prose.append(data)


def problems(site: Path) -> Iterator[str]:
    """Everything that is wrong with the pages of a site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        for load in page.loads:
            if FOREIGN.match(load):
                yield f"{name} loads {load}"
            elif not load.startswith(("data:", "#")) and not target(path, load).exists():
                yield f"{name} lacks {load}"
        for link in page.links:
            if not re.match(r"[a-z]+:", link) and not resolves(path, link, pages):
                yield f"{name} links to {link}"
        for match in TEX.findall(" ".join(page.prose)):
            yield f"{name} shows TeX: {match}"


def target(path: Path, link: str) -> Path:
    """The file that a link means."""
    file = unquote(link.partition("#")[0].partition("?")[0])
    return (path.parent / file).resolve() if file else path


def resolves(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Whether a link leads to a page, and to a place on it where it names one."""
    found, anchor = target(path, link), unquote(link.partition("#")[2])
    if found in pages:
        return not anchor or anchor in pages[found].anchors
    return found.is_file()


def main(folder: str) -> int:
    """Print every problem; 1 where there is one, or no page."""
    site = Path(folder).resolve()
    found = list(problems(site))
    count = len(list(site.rglob("*.html")))
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"{count} pages checked, {len(found)} problems", file=sys.stderr)
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
