"""A run as what a paper needs: tables, numbers, figures, methods, bibliography, checklist."""

from spikeproof.export.document import Exported, export

__all__ = ["Exported", "export"]
