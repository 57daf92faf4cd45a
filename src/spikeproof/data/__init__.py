"""Embedded data sets and two that come as files, pinned by hash, split once and for all."""

from spikeproof.data.corruption import CORRUPTIONS, EVENT_CORRUPTIONS, corrupt
from spikeproof.data.dataset import Dataset, DataSpec, Split
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts, Maker, Reader
from spikeproof.data.files import DATA_FOLDER, Published, Source
from spikeproof.data.given import Layout, bounds_of, layout_of, tensor_of
from spikeproof.data.inventory import Inventory, inventory
from spikeproof.data.modality import MODALITIES, Modality
from spikeproof.data.opening import is_own, open_data, stamp_of
from spikeproof.data.sensor import EventCamera
from spikeproof.data.sets import DATASETS
from spikeproof.data.sets.cifar10 import Cifar10
from spikeproof.data.sets.digits import DigitsImages, labels
from spikeproof.data.sets.digits_audio import HIGH_HZ, LOW_HZ, Call, DigitsAudio
from spikeproof.data.sets.digits_av import DigitsAV
from spikeproof.data.sets.digits_events import DigitsEvents
from spikeproof.data.sets.fashion_mnist import FashionMnist
from spikeproof.data.splits import Shares, assign, choose, hold_out
from spikeproof.data.store import DataDiffers, datasets, describe, embedded, load, verify
from spikeproof.data.streams import (
    FORMATS,
    Binning,
    NTidigitsFile,
    Recording,
    ShdFile,
    SpikeFile,
    StreamFormat,
    WrittenBack,
    from_structured,
    read_frames,
    read_intervals,
    read_recording,
    to_structured,
    write_back,
    write_frames,
    write_n_tidigits,
    write_recording,
    write_shd,
)
from spikeproof.data.suggest import Suggestion, suggested
from spikeproof.data.views import Views, domain_from, domain_record, modality_of

__all__ = [
    "CORRUPTIONS",
    "DATASETS",
    "DATA_FOLDER",
    "EVENT_CORRUPTIONS",
    "FORMATS",
    "HIGH_HZ",
    "LOW_HZ",
    "MODALITIES",
    "Binning",
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
    "Facts",
    "FashionMnist",
    "Inventory",
    "Layout",
    "Maker",
    "Modality",
    "NTidigitsFile",
    "Published",
    "Reader",
    "Recording",
    "Shares",
    "ShdFile",
    "Source",
    "SpikeFile",
    "Split",
    "StreamFormat",
    "Suggestion",
    "Views",
    "WrittenBack",
    "assign",
    "bounds_of",
    "choose",
    "corrupt",
    "datasets",
    "describe",
    "domain_from",
    "domain_record",
    "embedded",
    "from_structured",
    "hold_out",
    "inventory",
    "is_own",
    "labels",
    "layout_of",
    "load",
    "modality_of",
    "open_data",
    "read_frames",
    "read_intervals",
    "read_recording",
    "stamp_of",
    "suggested",
    "tensor_of",
    "to_structured",
    "verify",
    "write_back",
    "write_frames",
    "write_n_tidigits",
    "write_recording",
    "write_shd",
]
