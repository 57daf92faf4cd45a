"""What known_answers and the benchmarks share is importable here as well."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "known_answers"))
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
