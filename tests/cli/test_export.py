"""``spikeproof export`` and ``cite spikeproof`` on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import spikeproof
from support import made_run
from support.saying import Said

ROOT = Path(__file__).resolve().parents[2]


def made(folder: Path) -> Path:
    run = made_run.MadeRun(folder)
    run.train("digits", "plain", 0, made_run.PLAIN)
    run.attack("digits", "plain", 0, "linf", (0.1,), [True] * 4, [[False, True, False, True]])
    return run.plan()


def test_export_names_its_files_and_spares_those_of_others(said: Said, tmp_path: Path) -> None:
    run, to = made(tmp_path / "run"), tmp_path / "paper"
    code, out, err = said("export", run, "--to", to, "--json")
    told = json.loads(out)
    assert (code, err, told["folder"]) == (0, "", str(to))
    assert all((to / name).is_file() for name in told["files"])
    (to / "methods.tex").write_text("mine now")
    code, out, err = said("export", run, "--to", to)
    assert (code, out) == (1, "") and "methods.tex was changed since it was exported" in err
    code, out, _ = said("export", run, "--to", to, "--force")
    assert code == 0 and out.splitlines()[0].startswith(f"{len(told['files'])} files in")
    assert (to / "methods.tex").read_text() != "mine now"
    code, _, err = said("export", tmp_path / "none", "--to", to)
    assert code == 1 and "There is no run folder" in err


def test_the_package_cites_itself_as_its_own_files_say(said: Said) -> None:
    code, out, _ = said("cite", "spikeproof")
    assert code == 0
    fields = dict(re.findall(r"^  (\w+) +=\s+\{(.*)\},?$", out, re.MULTILINE))
    cff = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f'title: "{fields["title"]}"' in cff
    assert f"name: {fields['author'].strip('{}')}" in cff
    assert f"version {spikeproof.__version__}" in fields["howpublished"]
    assert f"version: {spikeproof.__version__}" in cff
    licence = re.search(r"^license: (.+)$", cff, re.MULTILINE)
    assert licence is not None and licence[1] in fields["howpublished"]
