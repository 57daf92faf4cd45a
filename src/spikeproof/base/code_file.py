"""A function in a Python file that a user named: ``module.py:function``."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from spikeproof.base.errors import FileProblem, SettingError, SpikeproofError
from spikeproof.base.reading import digest_file
from spikeproof.base.user_code import imports_from, installed, printing_kept, process_kept
from spikeproof.names import suggestion

__all__ = ["CodeFile"]

_FORM = re.compile(r"(.+\.py):([A-Za-z_][A-Za-z0-9_]*)", re.DOTALL)


@dataclass(frozen=True)
class CodeFile:
    """A function in a Python file, imported when it is called and not before.

    Only the file that was named is imported, with its folder among the places where its own
    imports are looked for.

    Args:
        path: The file.
        function: Name of the function in it.
    """

    path: Path
    function: str

    @classmethod
    def parse(cls, text: str) -> CodeFile | None:
        """Return what ``module.py:function`` names; None for a text of another form.

        Example:
            >>> CodeFile.parse("nets/mine.py:build").function, CodeFile.parse("digits")
            ('build', None)
        """
        found = _FORM.fullmatch(text)
        return None if found is None else cls(Path(found[1]).expanduser(), found[2])

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"

    @property
    def sha256(self) -> str:
        """Hash of the file; what it imports is not in it.

        Raises:
            FileProblem: there is no such file.
        """
        return digest_file(self.path, "Python file", follow=True)

    def find(self) -> Callable[..., Any]:
        """Import the file, once per content, and return the function.

        Raises:
            FileProblem: there is no such file.
            SettingError: importing it fails, or it has no such function.
        """
        module = self._module()
        found = getattr(module, self.function, None)
        if not callable(found):
            names = [name for name in vars(module) if callable(getattr(module, name))]
            raise SettingError(
                f"{self.path} has no function {self.function!r}. "
                f"{suggestion(self.function, [name for name in names if name[0] != '_'])}"
            )
        return found  # type: ignore[no-any-return]

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call the function.

        Raises:
            FileProblem: there is no such file.
            SettingError: importing it fails, it has no such function, or the call fails.
        """
        function = self.find()
        try:
            with self._beside(), process_kept(str(self.path)), printing_kept():
                return function(*args, **named)
        except SpikeproofError:
            raise
        except Exception as problem:
            raise SettingError(f"{self}() failed{_where(problem, self.path)}.") from problem
        except SystemExit as problem:
            raise SettingError(f"{self}() exits{_where(problem, self.path)}.") from None

    def _module(self) -> ModuleType:
        """The module of the file."""
        path = self.path.resolve()
        # Under a name that no other file has, also after an edit.
        name = f"spikeproof_file_{hashlib.sha256(f'{path}{self.sha256}'.encode()).hexdigest()[:16]}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise FileProblem(f"{self.path} cannot be imported as a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles of its classes look it up there
        try:
            with self._beside(), process_kept(str(self.path)), printing_kept():
                spec.loader.exec_module(module)
        except (Exception, SystemExit) as problem:
            sys.modules.pop(name, None)
            raise SettingError(f"Importing {self.path} fails{_where(problem, path)}.") from problem
        sys.modules[name] = module  # what came from beside the file is forgotten, it is not
        return module

    def _beside(self) -> AbstractContextManager[None]:
        """Inside, imports find the files beside this one before anything else's of their names."""
        folder = self.path.resolve().parent
        files = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
        modules = {f.stem if f.parent == folder else f.parent.name: f for f in files}
        kept = {name for name in modules if _of_an_installation(name)}
        return imports_from(folder, {n: f for n, f in modules.items() if n not in kept})


def _of_an_installation(name: str) -> bool:
    """Whether a name is imported already, from Python or a package that is installed.

    A file called after a package does not put the package aside for what else imports it.
    """
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None)
    return module is not None and (place is None or installed(Path(place)))


def _where(problem: BaseException, path: Path) -> str:
    """What went wrong, and the last line of the file that it went through."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(problem.__traceback__)
        if Path(frame.filename).resolve() == path.resolve()
    ]
    place = f" in line {lines[-1]}" if lines else ""
    text = " ".join(str(problem).split())[:300]
    return f"{place}: {type(problem).__name__}{f': {text}' if text else ''}"
