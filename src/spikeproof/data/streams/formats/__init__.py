"""The formats of event files, one published layout a file."""

from spikeproof.data.streams.formats.aedat2 import Aedat2
from spikeproof.data.streams.formats.aedat3 import Aedat3, read_intervals
from spikeproof.data.streams.formats.aedat4 import Aedat4
from spikeproof.data.streams.formats.bin import Bin, Bs2
from spikeproof.data.streams.formats.dat import Dat
from spikeproof.data.streams.formats.evt2 import Evt2
from spikeproof.data.streams.formats.evt3 import Evt3
from spikeproof.data.streams.formats.hdf5 import Hdf5
from spikeproof.data.streams.formats.mat import Mat
from spikeproof.data.streams.formats.nas import Nas
from spikeproof.data.streams.formats.npz import Npz, read_frames, write_frames
from spikeproof.data.streams.formats.stream_format import FORMATS, StreamFormat
from spikeproof.data.streams.formats.structured import Npy, from_structured, to_structured

__all__ = [
    "FORMATS",
    "Aedat2",
    "Aedat3",
    "Aedat4",
    "Bin",
    "Bs2",
    "Dat",
    "Evt2",
    "Evt3",
    "Hdf5",
    "Mat",
    "Nas",
    "Npy",
    "Npz",
    "StreamFormat",
    "from_structured",
    "read_frames",
    "read_intervals",
    "to_structured",
    "write_frames",
]
