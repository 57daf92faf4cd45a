"""Code of a user, run where it finds what it needs and leaves everything else as it was."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spikeproof.adapters.where import NetworkSource
from spikeproof.base import (
    InputError,
    SpikeproofError,
    imports_from,
    installed,
    printable,
    printing_kept,
    process_kept,
)

__all__ = ["UserCodeFailed", "explained", "imported", "on_its_own"]

_SHOWN = 160  # characters of a foreign sentence or line


class UserCodeFailed(InputError):
    """Code of a user that raised or asked to exit where a network was wanted of it."""


@contextmanager
def on_its_own(source: NetworkSource, paths: Mapping[str, Path], *, told: bool) -> Iterator[None]:
    """Inside, a source can import what lies beside it; afterwards nothing remembers that.

    Its folder is on ``sys.path``, ``sys.argv`` holds its file alone, standard input is empty and
    what it prints is kept from the streams. Afterwards paths, arguments, the working folder, the
    modules that came from beside it, torch's defaults, and the generators of torch, numpy and
    Python are as before. Inside they begin with seed 0, so that the same source makes the
    same network.

    Args:
        source: The source.
        paths: Its modules by dotted name.
        told: Whether a warning says that it printed.
    """
    with ExitStack() as stack:
        stack.enter_context(process_kept(str(source.path or source.module)))
        if source.path is not None:
            stack.enter_context(imports_from(source.root, paths))
        sink = stack.enter_context(printing_kept())
        yield
    if sink.count and told:
        line = printable(sink.start.decode("utf-8", "replace").strip().split("\n")[0][:_SHOWN])
        warnings.warn(
            f"{source.label} printed {sink.count:,} characters while its network was made, which "
            f"are left out here; they begin with {line!r}.",
            stacklevel=3,
        )


def imported(source: NetworkSource, paths: Mapping[str, Path]) -> types.ModuleType:
    """Import the module of a source, and no other that it does not import itself.

    Args:
        source: The source.
        paths: Its modules by dotted name.
    """
    path = paths.get(source.module)
    if path is None or "." in source.module or not source.text.rpartition(":")[0].endswith(".py"):
        return importlib.import_module(source.module)
    # Under its own name, unless that is taken: a file may well be called after a package.
    name = source.module if source.module not in sys.modules else f"{source.module} of a user"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"no loader for {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        if name != source.module:
            sys.modules.pop(name, None)
    return module


@contextmanager
def explained(source: NetworkSource, doing: str) -> Iterator[None]:
    """Turn whatever code of a user raises inside into one sentence.

    Args:
        source: The source.
        doing: What is done with it, ``"it is imported"``.
    Raises:
        UserCodeFailed: it raised, or asked to exit.
    """
    try:
        yield
    except SpikeproofError:
        raise
    except SystemExit as problem:
        code = problem.code if isinstance(problem.code, int) else 1 if problem.code else 0
        raise UserCodeFailed(
            f"{source.label} exits with code {code} while {doing}{_line(problem, source)}; put "
            "what is to run as a script below if __name__ == '__main__'."
        ) from None
    except ModuleNotFoundError as problem:
        raise UserCodeFailed(
            f"{source.label} needs the module {problem.name!r} while {doing}"
            f"{_line(problem, source)}, and there is none; install it in this environment, or put "
            f"it beside {source.path or source.module}."
        ) from None
    except Exception as problem:
        why = printable(" ".join(str(problem).split())[:_SHOWN])
        said = f"{type(problem).__name__}: {why}" if why else type(problem).__name__
        raise UserCodeFailed(
            f"{source.label} raises {said.rstrip('.')} while {doing}{_line(problem, source)}; mend "
            "it there, and see that it works without spikeproof."
        ) from None


def _line(problem: BaseException, source: NetworkSource) -> str:
    """Where it was raised, in the last file that is the user's."""
    own = source.root.resolve()
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        path = Path(frame.filename)
        inside = path.is_file() and path.resolve().is_relative_to(own) and not installed(path)
        if inside and not path.is_relative_to(Path(__file__).parents[1]):
            return f" ({path.name}, line {frame.lineno})"
    return ""
