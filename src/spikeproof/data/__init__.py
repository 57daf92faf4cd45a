"""Embedded data sets and those that come as files, pinned by hash, split once and for all."""

from spikeproof.data.cache import CACHE_FOLDER, cache_folder
from spikeproof.data.conversion import image_events
from spikeproof.data.corruption import CORRUPTIONS, EVENT_CORRUPTIONS, corrupt
from spikeproof.data.dataset import Dataset, DataSpec, Split
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts, Maker, Reader
from spikeproof.data.fetch import WantedFile, fetch, wanted
from spikeproof.data.files import DATA_FOLDER, Download, Listed, Published, Source, StoredItems
from spikeproof.data.given import Layout, bounds_of, layout_of, tensor_of
from spikeproof.data.inventory import Inventory, inventory
from spikeproof.data.modality import MODALITIES, Modality
from spikeproof.data.on_disk import ItemsOnDisk
from spikeproof.data.opening import is_own, open_data, stamp_of
from spikeproof.data.pinned import Intact
from spikeproof.data.sensor import EventCamera
from spikeproof.data.sets import DATASETS
from spikeproof.data.sets.audiomnist import AudioMnist
from spikeproof.data.sets.cifar10 import Cifar10
from spikeproof.data.sets.cifar10_dvs import Cifar10Dvs
from spikeproof.data.sets.cifar100 import Cifar100
from spikeproof.data.sets.crema_d import CremaD
from spikeproof.data.sets.digits import DigitsImages, labels
from spikeproof.data.sets.digits_audio import HIGH_HZ, LOW_HZ, Call, DigitsAudio
from spikeproof.data.sets.digits_av import DigitsAV
from spikeproof.data.sets.digits_events import DigitsEvents
from spikeproof.data.sets.dvs128_gesture import Dvs128Gesture
from spikeproof.data.sets.fashion_mnist import FashionMnist
from spikeproof.data.sets.fsdd import Fsdd
from spikeproof.data.sets.fsdd_speakers import FsddSpeakers
from spikeproof.data.sets.i2e_cifar10 import I2ECifar10
from spikeproof.data.sets.i2e_fashion_mnist import I2EFashionMnist
from spikeproof.data.sets.lipsfus import Lipsfus
from spikeproof.data.sets.mnist import Mnist
from spikeproof.data.sets.mnist_fsdd import MnistFsdd
from spikeproof.data.sets.n_caltech101 import NCaltech101
from spikeproof.data.sets.n_mnist import NMnist
from spikeproof.data.sets.n_tidigits import NTidigits
from spikeproof.data.sets.nmnist_fsdd import NMnistFsdd
from spikeproof.data.sets.shd import Shd
from spikeproof.data.sets.speech_commands import SpeechCommands
from spikeproof.data.sets.ssc import Ssc
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

__all__ = [  # noqa: RUF022 - classes in the order of plain text, as a test asks
    "CACHE_FOLDER",
    "CORRUPTIONS",
    "DATASETS",
    "DATA_FOLDER",
    "EVENT_CORRUPTIONS",
    "FORMATS",
    "HIGH_HZ",
    "LOW_HZ",
    "MODALITIES",
    "AudioMnist",
    "Binning",
    "Call",
    "Cifar10",
    "Cifar100",
    "Cifar10Dvs",
    "CremaD",
    "DataDiffers",
    "DataSpec",
    "Dataset",
    "DigitsAV",
    "DigitsAudio",
    "DigitsEvents",
    "DigitsImages",
    "Domain",
    "Download",
    "Dvs128Gesture",
    "EventCamera",
    "Facts",
    "FashionMnist",
    "Fsdd",
    "FsddSpeakers",
    "I2ECifar10",
    "I2EFashionMnist",
    "Intact",
    "Inventory",
    "ItemsOnDisk",
    "Layout",
    "Lipsfus",
    "Listed",
    "Maker",
    "Mnist",
    "MnistFsdd",
    "Modality",
    "NCaltech101",
    "NMnist",
    "NMnistFsdd",
    "NTidigits",
    "NTidigitsFile",
    "Published",
    "Reader",
    "Recording",
    "Shares",
    "Shd",
    "ShdFile",
    "Source",
    "SpeechCommands",
    "SpikeFile",
    "Split",
    "Ssc",
    "StoredItems",
    "StreamFormat",
    "Suggestion",
    "Views",
    "WantedFile",
    "WrittenBack",
    "assign",
    "bounds_of",
    "cache_folder",
    "choose",
    "corrupt",
    "datasets",
    "describe",
    "domain_from",
    "domain_record",
    "embedded",
    "fetch",
    "from_structured",
    "hold_out",
    "image_events",
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
    "wanted",
    "write_back",
    "write_frames",
    "write_n_tidigits",
    "write_recording",
    "write_shd",
]
