"""What the fixture ``said`` is: a command line in; exit code, output and errors out."""

from __future__ import annotations

from collections.abc import Callable

Said = Callable[..., tuple[int, str, str]]
