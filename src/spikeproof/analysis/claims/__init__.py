"""Claims about robustness, and what the records of a run say of each."""

from spikeproof.analysis.claims.verdicts import CLAIMS, Part, Verdict, verdicts

__all__ = ["CLAIMS", "Part", "Verdict", "verdicts"]
