"""What can go wrong, as one tree.

SpikeproofError
├── SettingError        a setting, name or key that does not exist or makes no sense
├── InputError          a tensor or data set that is not what the call needs
├── FileProblem         a file that is missing, corrupt, truncated or cannot be written
│   ├── DiskFull        there is no room for what is to be written
│   └── UnreadableFile  a file that is there and that the system does not let us read
├── IllegalAdversarial  an attack returned a point its threat does not allow
├── Withheld            a number that is not stated, for what was seen of the network
├── OutOfMemory         not even one item at a time fits into memory
└── Diverged            a training run became NaN or infinite

Warnings about the attacker's gradient, and about numbers that will be withheld, have categories of
their own.
"""

from __future__ import annotations

__all__ = [
    "DiskFull",
    "Diverged",
    "Doubtful",
    "FileProblem",
    "GradientRuleUnused",
    "IllegalAdversarial",
    "InputError",
    "OutOfMemory",
    "SettingError",
    "SpikeproofError",
    "UnreadableFile",
    "Withheld",
]


class SpikeproofError(Exception):
    """Anything spikeproof refuses to do, with one sentence that says why and how to mend it."""


class SettingError(SpikeproofError, ValueError):
    """A setting, name or key that does not exist or makes no sense."""


class InputError(SpikeproofError, ValueError):
    """A tensor or data set that is not what the call needs."""


class FileProblem(SpikeproofError, OSError):
    """A file that is missing, corrupt, truncated or cannot be written."""


class DiskFull(FileProblem):
    """There is no room for what is to be written; going on would compute what cannot be kept."""


class UnreadableFile(FileProblem):
    """A file that is there and that the system does not let us read; it may well be whole."""


class IllegalAdversarial(SpikeproofError):
    """An attack returned a point that its threat does not allow."""


class Withheld(SpikeproofError):
    """A number that is not stated, because of what was seen of the network or the attacks."""


class OutOfMemory(SpikeproofError):
    """Not even one item at a time fits into memory."""


class Diverged(SpikeproofError):
    """A training run became NaN or infinite."""


class GradientRuleUnused(UserWarning):
    """A gradient rule that no layer of the model obeys, so that it changed nothing."""


class Doubtful(UserWarning):
    """Something seen of a network or its items for which robust accuracy will be withheld."""
