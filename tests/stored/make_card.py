"""Writes ``card.tar.gz``: a run that kept its adversarial inputs, and the card made of it.

    PYTHONPATH=src:tests python tests/stored/make_card.py FOLDER

Cards of schema 1 must stay readable, and their READMEs what they were, so it is written once.
"""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

from spikeproof.cards import write_cards
from support.made_cards import kept_run
from support.resealed import write_plan

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Make the run where there is none yet, forget on which machine, and pack both."""
    run = folder / "run"
    if not run.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept_run(folder)
    for path in [*run.glob("**/wall.json"), run / "manifest.json", run / "index.csv"]:
        path.unlink(missing_ok=True)
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    plan["plan"]["network"][0]["file"] = "net.safetensors"
    for cell in plan["cells"]:
        if "source" in cell:
            cell["source"] = "net.safetensors"
    write_plan(run, plan)
    write_cards(run, folder / "card", licence="apache-2.0")
    with tarfile.open(HERE / "card.tar.gz", "w:gz") as archive:
        for name in ("run", "card"):
            archive.add(folder / name, name, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry without owner and date."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main(Path(sys.argv[1]))
