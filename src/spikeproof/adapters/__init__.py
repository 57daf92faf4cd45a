"""Networks of users: any torch module or SNN library, as the package asks networks."""

from spikeproof.adapters.adapt import LIBRARIES, adapt
from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.agreement import Agreement, agreement
from spikeproof.adapters.begun import begin_anew
from spikeproof.adapters.importing import UserCodeFailed
from spikeproof.adapters.memory import ModuleState
from spikeproof.adapters.nir import from_nir
from spikeproof.adapters.protocol import Library, Reading
from spikeproof.adapters.source import UserNetwork, network_of, user_network
from spikeproof.adapters.texts import SourceFiles, files_of
from spikeproof.adapters.weights import fill, read_weights
from spikeproof.adapters.where import NetworkSource, is_source, source_of

__all__ = [
    "LIBRARIES",
    "Adapted",
    "Agreement",
    "Library",
    "ModuleState",
    "NetworkSource",
    "Reading",
    "SourceFiles",
    "UserCodeFailed",
    "UserNetwork",
    "adapt",
    "agreement",
    "begin_anew",
    "files_of",
    "fill",
    "from_nir",
    "is_source",
    "network_of",
    "read_weights",
    "source_of",
    "user_network",
]
