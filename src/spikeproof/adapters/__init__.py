"""Networks of others as attacks want them: SpikingJelly, snnTorch, norse, NIR and plain torch."""

from spikeproof.adapters.adapt import adapt
from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.protocol import Reading

__all__ = ["Adapted", "Reading", "adapt"]
