"""The project's own questions, outside the package: what was asked, run and found (README.md)."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "research" / "results"
PLANS = ROOT / "research" / "plans"
