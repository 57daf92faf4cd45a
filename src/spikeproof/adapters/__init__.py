"""Networks of others as attacks want them: SpikingJelly, snnTorch, norse, NIR and plain torch."""

from spikeproof.adapters.adapt import LIBRARIES, adapt
from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.agreement import Agreement, agreement
from spikeproof.adapters.nir import from_nir
from spikeproof.adapters.protocol import Library, Reading

__all__ = [
    "LIBRARIES",
    "Adapted",
    "Agreement",
    "Library",
    "Reading",
    "adapt",
    "agreement",
    "from_nir",
]
