"""Networks of users: any torch module or SNN library, as the package asks networks."""

from spikeproof.adapters.adapt import adapt
from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.importing import UserCodeFailed
from spikeproof.adapters.protocol import Reading
from spikeproof.adapters.source import UserNetwork, network_of, user_network
from spikeproof.adapters.texts import SourceFiles, files_of
from spikeproof.adapters.weights import fill, read_weights
from spikeproof.adapters.where import NetworkSource, is_source, source_of

__all__ = [
    "Adapted",
    "NetworkSource",
    "Reading",
    "SourceFiles",
    "UserCodeFailed",
    "UserNetwork",
    "adapt",
    "files_of",
    "fill",
    "is_source",
    "network_of",
    "read_weights",
    "source_of",
    "user_network",
]
