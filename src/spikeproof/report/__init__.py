"""What a run says, for readers: one HTML file, and a picture of the transfer matrix."""

from spikeproof.report.document import compose, write_report
from spikeproof.report.static import picture

__all__ = ["compose", "picture", "write_report"]
