"""The command ``spikeproof``: its commands, and what the user sees when one of them fails."""

from __future__ import annotations

import os
import re
import sys
import warnings
from typing import NoReturn

import typer

from spikeproof.allocator import tune_allocator
from spikeproof.cli.audit import audit
from spikeproof.cli.card import card
from spikeproof.cli.certify import certify
from spikeproof.cli.cite import cite
from spikeproof.cli.compare import compare
from spikeproof.cli.data import app as data
from spikeproof.cli.demo import demo
from spikeproof.cli.doctor import doctor
from spikeproof.cli.energy import energy
from spikeproof.cli.export import export
from spikeproof.cli.joint import joint
from spikeproof.cli.leaderboard import leaderboard
from spikeproof.cli.listing import listing
from spikeproof.cli.options import no_such_option
from spikeproof.cli.report import report
from spikeproof.cli.show import note, say
from spikeproof.cli.study import app as study
from spikeproof.cli.terminal import open_streams, written_out
from spikeproof.cli.train import train
from spikeproof.cli.verify import verify

__all__ = ["app", "main", "run"]

_EMPTY = re.compile(r"--[a-z-]+=")
_LONG = re.compile(r"\S{200,}")  # no name or number in a sentence need be longer
# What torch says in place of a MemoryError where the processor has no more.
_NO_MEMORY = ("not enough memory", "can't allocate memory", "CUDA out of memory")

app = typer.Typer(
    name="spikeproof",
    help="Train spiking networks, attack them in every norm and modality, see what transfers.\n\n"
    "\b\nFirst steps:\n"
    "  spikeproof demo --quick       the answer on one data set, in about a minute\n"
    "  spikeproof list               what there is: data, models, threats, attacks, trainings\n"
    "  spikeproof COMMAND --help     every command with an example",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    demo,
    train,
    audit,
    doctor,
    joint,
    energy,
    certify,
    report,
    export,
    card,
    leaderboard,
    compare,
    verify,
    cite,
)
for command in _COMMANDS:
    app.command()(command)
app.command("list")(listing)
app.add_typer(study, name="study")
app.add_typer(data, name="data")


@app.callback(invoke_without_command=True)
def _front(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Options of the command itself."""
    if version:
        from spikeproof import __version__

        say(f"spikeproof {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    tune_allocator()
    open_streams()
    warnings.showwarning = _warn
    code = run(sys.argv[1:])
    problem = written_out()
    if problem is not None and not code:
        note(f"Cannot write to standard output: {problem.strerror}.")
    sys.exit(code or int(problem is not None))


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as a sentence, without the line of ours that gave it."""
    note(f"Warning: {message}")


def run(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: What the user typed after ``spikeproof``.
    Returns:
        0 done, 1 refused or failed, 2 a command line that makes no sense, 75 interrupted by a
        scheduler, 130 by Ctrl-C.
    """
    if empty := [word for word in arguments if not word or _EMPTY.fullmatch(word)]:
        # An empty path would be this folder, an empty name anything.
        note(f"An argument is empty: {empty[0] or repr('')}; give it a value or leave it out.")
        return 2
    try:
        code = app(arguments, prog_name="spikeproof", standalone_mode=False)
    except typer.Abort:
        code = 130
    except Exception as problem:
        sentence, code = _explain(problem)
        if sentence is None or os.environ.get("SPIKEPROOF_DEBUG"):
            raise
        note(_LONG.sub(_cut, sentence))
        return code
    if code == 130:
        note("Stopped; nothing finished is lost, run the same command again.")
    return code if isinstance(code, int) else 0


def _explain(problem: Exception) -> tuple[str | None, int]:
    """One sentence for a problem, and the exit code; no sentence for what is our own bug."""
    # The parser's exceptions are private to typer; BadParameter is the public one among them.
    usage = typer.BadParameter.__mro__[1]
    if isinstance(problem, usage):
        return _usage(problem), 2
    # Only now: importing the base costs seconds, and a typing mistake should not.
    from spikeproof.base import SpikeproofError

    if isinstance(problem, SpikeproofError):
        return str(problem), getattr(problem, "exit_code", 1)
    if isinstance(problem, OSError) and problem.strerror:
        place = f"{problem.filename}: " if problem.filename else ""
        return f"{place}{problem.strerror}.", 1
    if isinstance(problem, MemoryError) or any(told in str(problem) for told in _NO_MEMORY):
        return "Out of memory; use fewer --workers, or a smaller model or plan.", 1
    return None, 1


def _cut(word: re.Match[str]) -> str:
    """A word of thousands of signs by its two ends."""
    return f"{word[0][:80]}...{word[0][-20:]}"


def _usage(problem: Exception) -> str:
    """The parser's complaint with the nearest name and where to read on."""
    option = getattr(problem, "option_name", None)
    context = getattr(problem, "ctx", None)
    if option is not None and getattr(problem, "possibilities", None) is not None and context:
        text = no_such_option(option, [o for p in context.command.params for o in p.opts])
    else:
        text = str(getattr(problem, "format_message", problem.__str__)())
    path = context.command_path if context else "spikeproof"
    return f"{text.rstrip()} See '{path} --help'." if "Usage:" not in text else text
