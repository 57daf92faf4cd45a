"""Embedded data sets and two that come as files, pinned by hash, split once and for all."""

from spikeproof.data.audio import HIGH_HZ, LOW_HZ, Call, DigitsAudio
from spikeproof.data.cifar import Cifar10
from spikeproof.data.corruption import CORRUPTIONS, EVENT_CORRUPTIONS, corrupt
from spikeproof.data.dataset import Dataset, DataSpec, Split
from spikeproof.data.domain import Domain
from spikeproof.data.events import DigitsEvents
from spikeproof.data.fashion import FashionMnist
from spikeproof.data.files import DATA_FOLDER, Published, Source
from spikeproof.data.images import DigitsImages, labels
from spikeproof.data.multimodal import DigitsAV
from spikeproof.data.radii import JOINT, RADII
from spikeproof.data.sensor import EventCamera
from spikeproof.data.splits import Shares, assign, choose, hold_out
from spikeproof.data.store import DataDiffers, datasets, describe, embedded, load, verify
from spikeproof.data.views import Views

__all__ = [
    "CORRUPTIONS",
    "DATA_FOLDER",
    "EVENT_CORRUPTIONS",
    "HIGH_HZ",
    "JOINT",
    "LOW_HZ",
    "RADII",
    "Call",
    "Cifar10",
    "DataDiffers",
    "DataSpec",
    "Dataset",
    "DigitsAV",
    "DigitsAudio",
    "DigitsEvents",
    "DigitsImages",
    "Domain",
    "EventCamera",
    "FashionMnist",
    "Published",
    "Shares",
    "Source",
    "Split",
    "Views",
    "assign",
    "choose",
    "corrupt",
    "datasets",
    "describe",
    "embedded",
    "hold_out",
    "labels",
    "load",
    "verify",
]
