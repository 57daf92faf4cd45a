"""Four embedded data sets, made from seeded generators, pinned by hash, split once and for all."""

from spikeproof.data.audio import HIGH_HZ, LOW_HZ, Call, DigitsAudio
from spikeproof.data.corruption import CORRUPTIONS, EVENT_CORRUPTIONS, corrupt
from spikeproof.data.events import DigitsEvents
from spikeproof.data.images import DigitsImages, labels
from spikeproof.data.multimodal import DigitsAV
from spikeproof.data.radii import JOINT, RADII
from spikeproof.data.sensor import EventCamera
from spikeproof.data.spec import Dataset, DataSpec, Domain, Split, Views
from spikeproof.data.splits import Shares, assign
from spikeproof.data.store import DataDiffers, datasets, describe, load, verify

__all__ = [
    "CORRUPTIONS",
    "EVENT_CORRUPTIONS",
    "HIGH_HZ",
    "JOINT",
    "LOW_HZ",
    "RADII",
    "Call",
    "DataDiffers",
    "DataSpec",
    "Dataset",
    "DigitsAV",
    "DigitsAudio",
    "DigitsEvents",
    "DigitsImages",
    "Domain",
    "EventCamera",
    "Shares",
    "Split",
    "Views",
    "assign",
    "corrupt",
    "datasets",
    "describe",
    "labels",
    "load",
    "verify",
]
