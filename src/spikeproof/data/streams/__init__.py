"""Recordings of events: what they hold, how they become frames, and the way back."""

from spikeproof.data.streams.binning import Binning
from spikeproof.data.streams.recording import Recording
from spikeproof.data.streams.write_back import WrittenBack, write_back

__all__ = ["Binning", "Recording", "WrittenBack", "write_back"]
