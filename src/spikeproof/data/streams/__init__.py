"""Recordings of events: what they hold, how they become frames, and the way back."""

from spikeproof.data.streams.binning import Binning
from spikeproof.data.streams.files import read_recording, write_recording
from spikeproof.data.streams.formats import (
    FORMATS,
    StreamFormat,
    from_structured,
    read_frames,
    read_intervals,
    to_structured,
    write_frames,
)
from spikeproof.data.streams.recording import Recording
from spikeproof.data.streams.spikes import NTidigitsFile, ShdFile, SpikeFile, write_shd
from spikeproof.data.streams.write_back import WrittenBack, write_back

__all__ = [
    "FORMATS",
    "Binning",
    "NTidigitsFile",
    "Recording",
    "ShdFile",
    "SpikeFile",
    "StreamFormat",
    "WrittenBack",
    "from_structured",
    "read_frames",
    "read_intervals",
    "read_recording",
    "to_structured",
    "write_back",
    "write_frames",
    "write_recording",
    "write_shd",
]
