"""Layouts in which sets are published: IDX, CIFAR batches, WAV, folders, packed columns."""

from spikeproof.data.layouts.batches import binary_records, python_batch
from spikeproof.data.layouts.idx import read_idx
from spikeproof.data.layouts.packed import PackedRecordings, PackedSounds
from spikeproof.data.layouts.tree import files_below, in_folder, stamp_of_files
from spikeproof.data.layouts.wav import Sound, fitted, read_wav, resampled

__all__ = [
    "PackedRecordings",
    "PackedSounds",
    "Sound",
    "binary_records",
    "files_below",
    "fitted",
    "in_folder",
    "python_batch",
    "read_idx",
    "read_wav",
    "resampled",
    "stamp_of_files",
]
