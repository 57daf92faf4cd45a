"""Command lines that nobody should type, and what each must come to."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slow.reliability.readers import printable
from slow.reliability.subjects import PLAN, call

__all__ = ["LINES", "Answer", "Line", "answers", "scene"]

_TINY = "train --data digits --width 2 --timesteps 2 --epochs 1 --set batch_size=512 --folder t"
_FEW = "audit M --data digits --suite quick --items 2 --threat linf"
_BIG = "9" * 26
_LONG = "7" * 5000


_NOTES = re.compile(r"Preparing |Estimate |\d+ items, ")  # what comes before the work


@dataclass(frozen=True)
class Line:
    """One command line.

    Args:
        words: After ``spikeproof``; ``M`` is a network, ``R`` a run, ``A`` an audit.
        refused: Whether it must be refused (exit 1 or 2) or come to something (exit 0).
    """

    words: tuple[str, ...]
    refused: bool


# One command a line; ``_`` alone stands for an empty word, {LONG} for a number of 5,000 digits.
_REFUSED = """
{TINY} --seed {BIG}
{TINY} --seed -{BIG}
{TINY} --seed {LONG}
{TINY} --seed 1e3
{TINY} --seed 0x10
{TINY} --seed 1.5
{TINY} --seed nan
{TINY} --seed _
{TINY} --seed \u0661\u0662x
{FEW} --seed {BIG}
{FEW} --seed -{BIG}
{FEW} --seed {LONG}
{FEW} --seed 9223372036854775808
study run P --folder s --seed {BIG}
study run P --folder s --seed -{BIG}
study run seed-2-70.toml --folder s
study run seed-5000.toml --folder s
study run seed-text.toml --folder s
study run seed-float.toml --folder s
demo --quick --folder s --seed {BIG}
{FEW} --radius 1e309
{FEW} --radius 1e999
{FEW} --radius 1e999999999
{FEW} --radius 1e-999999999
{FEW} --radius 1/1e999999999
{FEW} --radius inf
{FEW} --radius nan
{FEW} --radius -inf
{FEW} --radius 0
{FEW} --radius -0.1
{FEW} --radius 1e-400
{FEW} --radius 8/0
{FEW} --radius 8//255
{FEW} --radius _
{FEW} --radius 0x1p3
{FEW} --radius 1_0
{FEW} --radius \u0668
{FEW} --radius {LONG}
{FEW} --radius 1/{LONG}
{FEW} --radius {LONG}/{LONG}1
{FEW} --radius 1e
{FEW} --radius 1e5
{FEW} --radius 2
{FEW} --radius 8
{FEW} --radius
{FEW} --radius 0.1 --radius 0.2
certify M --data digits --items 2 --radius 1e309
certify M --data digits --items 2 --radius 1e999999999
certify M --data digits --items 2 --radius nan
certify M --data digits --items 2 --radius _
{TINY} --objective AT --threat linf --radius 1e309
{TINY} --objective AT --threat linf --radius nan
{TINY} --objective AT --threat linf --radius 1e999999999
{TINY} --validate-under linf=1e309
{TINY} --validate-under linf=nan
{TINY} --validate-under linf=1e999999999
{TINY} --validate-under linf=x
{TINY} --validate-under linf=-1
{TINY} --width 100000000
{TINY} --width {BIG}
{TINY} --width 0
{TINY} --width -1
{TINY} --width 1.5
{TINY} --width {LONG}
{TINY} --timesteps 100000000
{TINY} --timesteps {BIG}
{TINY} --timesteps 0
{TINY} --timesteps -3
{TINY} --epochs 0
{TINY} --epochs -1
{TINY} --epochs 1e3
{FEW} --items 0
{FEW} --items -1
{FEW} --items 1000000
{FEW} --items {BIG}
{FEW} --items {LONG}
{FEW} --items x
certify M --data digits --items {BIG}
certify M --data digits --items 0
{TINY} --augment shift-image:pixels=1000000
{TINY} --augment shift-image:pixels={BIG}
{TINY} --augment shift-image:pixels=-1
{TINY} --augment shift-image:pixels=1.5
{TINY} --augment shift-image:pixels=x
{TINY} --augment shift-image:pixels=nan
{TINY} --augment shift-image:
{TINY} --augment _
{TINY} --augment :pixels=1
{TINY} --augment shift-image:pixels
{TINY} --augment shift-image:=1
study run P --folder s --workers 0
study run P --folder s --workers -1
study run P --folder s --workers {BIG}
study run P --folder s --workers x
{FEW} --budget 0m
{FEW} --budget -1m
{FEW} --budget 1e999m
{FEW} --budget nanm
{FEW} --budget p
{FEW} --budget 10
{FEW} --budget {BIG}x
{FEW} --budget _
{FEW} --budget infp
{TINY} --set learning_rate=nan
{TINY} --set learning_rate=inf
{TINY} --set learning_rate=-1
{TINY} --set learning_rate=0
{TINY} --set learning_rate=1e999
{TINY} --set learning_rate=x
{TINY} --set learning_rate=
{TINY} --set =1
{TINY} --set x=1
{TINY} --set _
{TINY} --set batch_size={LONG}
{TINY} --set batch_size=0
{TINY} --set batch_size=1.5
{TINY} --set batch_size=nan
{TINY} --set momentum=1
{TINY} --set momentum=nan
{TINY} --set weight_decay=-1
{TINY} --set weight_decay=nan
{TINY} --set milestones=0.5,nan
{TINY} --set milestones=x
{TINY} --set average=1
{TINY} --set average=nan
{TINY} --set patience=0
{TINY} --set gradient_clip=nan
{TINY} --set warmup=2
{TINY} --set drop=0
{TINY} --set schedule=x
{TINY} --set optimizer=__class__
{TINY} --set select=union
{TINY} --set precision=float8
x
_
-x
--x
study
study x
study run
study run _
study run .
study run /dev/zero
study run bytes.toml
study run deep.toml
study run name-up.toml
study run name-absolute.toml
study run name-dots.toml
study run name-empty.toml
study run name-escape.toml
study run name-long.toml
study run name-zero.toml
study run twice.toml
study run huge.toml --folder s
study run a-folder
study status _
study status R/plan.json
study status a-folder
study status /dev/zero
study status R\x00
study extract R --to _
study extract R --to a-folder
study extract R --to pipe
report R --to pipe
study extract R --to no/such\x00
report _
report a-folder
report /dev/null
report R --to a-folder
report R --to R/plan.json/x
report {NAME}
report R --to _
compare R A
compare A R
compare R
compare R _
compare R a-folder
audit _ --data digits
audit a-folder --data digits
audit /dev/zero --data digits
audit R --data digits
audit M --data _
audit M --data ../digits
audit M --data digits-audio
audit M --data \x1b[31m
audit M --data digits --suite \x1b]0;x\x07
audit M --data digits --threat l9
{FEW} --folder a-file
{FEW} --folder _
{FEW} --folder a-file/x
{FEW} --folder /proc/x
{TINY} --folder _
{TINY} --folder a-file
{TINY} --folder /proc/x
study run P --folder _
study run P --folder a-file
study run P --folder s --executor _
study run P --folder s --executor \u202ex
demo --quick --folder _
demo --quick --folder a-file
list \x1b[31m
list _
list \udce9
cite _
cite \x1b[31mx
data verify ../x
data verify \udcff
train --data _
train --recipe _
train --recipe ../x
train --data digits --model ../x --folder t
train --data digits --device cuda:99 --folder t
train --data digits --device \x00 --folder t
study run \udce9\udcff.toml
report \udce9\udcff
audit \udce9.safetensors --data digits
certify \udce9.safetensors --data digits
study status \udcff
compare \udcff R
data verify digits --data-dir \x00
"""
_FINE = """
compare R R R
{TINY} --seed -1
{TINY} --seed 4294967296
{TINY} --seed -9223372036854775808
--help
--version
-h
list
list data
list --json
cite
cite --json
data list
study run bom.toml --folder s --workers 1
study run crlf.toml --folder s --workers 1
study status R
study status R --json
report R --to out.html
compare R R
compare A A --json
study extract R --to x.json
report id=7 --to out.html
study status id=7
report \udce9run --to out.html
study status \udce9run
study extract \udce9run --to \udcff.json
report R --to \udcff.html
"""


def _lines(text: str, refused: bool) -> list[Line]:
    """The command lines of a text."""
    parts = {"TINY": _TINY, "FEW": _FEW, "BIG": _BIG, "LONG": _LONG, "NAME": "x" * 5000}
    lines = [line.format(**parts).split(" ") for line in text.strip("\n").split("\n")]
    return [Line(tuple("" if word == "_" else word for word in words), refused) for words in lines]


LINES: tuple[Line, ...] = (*_lines(_REFUSED, True), *_lines(_FINE, False))


def _plan(**changes: str) -> str:
    """The small plan with some lines changed."""
    lines = PLAN.format(seed=0).splitlines()
    for name, value in changes.items():
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[at] = f"{name} = {value}"
    return "\n".join(lines) + "\n"


def scene(base: Path, folder: Path) -> None:
    """Lay out a folder with what the lines name."""
    folder.mkdir()
    shutil.copytree(base / "run", folder / "R")
    shutil.copytree(base / "run", folder / "id=7")
    shutil.copytree(base / "run", folder / "\udce9run")
    shutil.copytree(base / "audit", folder / "A")
    shutil.copy(base / "done" / "model.safetensors", folder / "M")
    (folder / "a-folder").mkdir()
    (folder / "a-file").write_text("x")
    os.mkfifo(folder / "pipe")
    plans = {
        "P": _plan(), "bom.toml": "\ufeff" + _plan(), "crlf.toml": _plan().replace("\n", "\r\n"),
        "deep.toml": "a = " + "[" * 100_000, "twice.toml": _plan() + _plan(),
        "name-up.toml": _plan(name='"../x"'), "name-absolute.toml": _plan(name=f'"{folder}/x"'),
        "name-dots.toml": _plan(name='".."'), "name-empty.toml": _plan(name='""'),
        "name-escape.toml": _plan(name='"\\u001b[31m"'),
        "name-long.toml": _plan(name=f'"{"x" * 5000}"'),
        "name-zero.toml": _plan(name='"a\\u0000"'), "seed-2-70.toml": _plan(seeds=f"[{2**70}]"),
        "seed-5000.toml": _plan(seeds=f"[{_LONG}]"), "seed-text.toml": _plan(seeds='["x"]'),
        "seed-float.toml": _plan(seeds="[0.5]"), "huge.toml": _plan(width="100000000"),
    }  # fmt: skip
    for name, text in plans.items():
        (folder / name).write_bytes(text.encode())
    (folder / "bytes.toml").write_bytes(b"name = '\xff\xfe'\n")


@dataclass(frozen=True)
class Answer:
    """What a line came to.

    Args:
        line: The line.
        fault: What is wrong with it; empty where nothing is.
        told: The end of what it said.
    """

    line: Line
    fault: str
    told: str

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "line": ascii(" ".join(self.line.words))[:120],
            "fault": self.fault,
            "told": self.told,
        }


class _TooLong(BaseException):
    """The alarm rang."""


def _ring(*_: object) -> None:
    raise _TooLong


def answers(base: Path, scratch: Path, limit: float, memory: int) -> Iterator[Answer]:
    """Run every line in a folder of its own, each with a limit of time and memory."""
    context = multiprocessing.get_context("fork")
    left = list(LINES)
    while left:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, left, base, scratch, limit, memory))
        process.start()
        theirs.close()
        while left:
            try:
                answer = ours.recv() if ours.poll(20 * limit) else Answer(left[0], "slow", "killed")
            except EOFError:
                answer = Answer(left[0], "foreign", "the process died")
            yield answer
            left.pop(0)
            if answer.told in ("killed", "the process died"):
                break
        process.kill()
        process.join()


def _work(
    pipe: Connection, lines: list[Line], base: Path, scratch: Path, limit: float, memory: int
) -> None:
    """In the worker: run lines and tell what each came to."""
    signal.signal(signal.SIGALRM, _ring)
    signal.signal(signal.SIGPROF, _ring)
    warnings.simplefilter("ignore")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for number, line in enumerate(lines):
        place = scratch / str(number)
        scene(base, place)
        with contextlib.chdir(place):
            pipe.send(_answer(line, limit, memory))
        shutil.rmtree(place)
    pipe.close()


def _answer(line: Line, limit: float, memory: int) -> Answer:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, limit)
    signal.setitimer(signal.ITIMER_REAL, 6 * limit)
    try:
        code, out, err = call(*line.words)
    except _TooLong:
        return Answer(line, "slow", "")
    except BaseException as problem:
        return Answer(line, "foreign", ascii(f"{type(problem).__name__}: {problem}"[:200]))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    return Answer(line, _fault(line, code, out, err), ascii((err or out)[-200:]))


def _fault(line: Line, code: int, out: str, err: str) -> str:
    """What is wrong with an answer; empty where nothing is."""
    told = [one for one in err.splitlines() if one and not _NOTES.match(one)]
    if "Traceback" in out + err:
        return "foreign"
    if "Out of memory" in err:
        return "memory"
    if not printable(out + err):
        return "obeyed by a terminal"
    if line.refused and code not in (1, 2):
        return f"exit {code} where it must be refused"
    if not line.refused and code != 0:
        return f"exit {code} where it must come to something"
    if (
        line.refused
        and line.words
        and (len(told) != 1 or len(told[0]) > 1000)
        and "Usage:" not in out + err
    ):
        return f"{len(told)} sentences of {sum(map(len, told))} signs"
    return ""
