"""What every room stands on: errors, checks, seeds, files, settings, citations."""

from spikeproof.base.arrays import read_arrays, write_arrays
from spikeproof.base.checks import (
    check_at_least,
    check_count,
    check_finite,
    check_fraction,
    check_gradients,
    check_labels,
    check_like,
    check_one_of,
    check_positive,
    check_shape,
    check_share,
    placed,
)
from spikeproof.base.cite import bibtex, references
from spikeproof.base.devices import computing, device_of
from spikeproof.base.errors import (
    Diverged,
    FileProblem,
    GradientRuleUnused,
    IllegalAdversarial,
    InputError,
    OutOfMemory,
    SettingError,
    SpikeproofError,
)
from spikeproof.base.fields import Named, hints, plain_settings
from spikeproof.base.files import (
    canonical_json,
    digest,
    digest_arrays,
    digest_file,
    read_json,
    write_atomic,
    write_json,
)
from spikeproof.base.members import Members
from spikeproof.base.memory import MOST_ROWS, BatchSize, available_bytes, out_of_memory
from spikeproof.base.notices import old_spelling
from spikeproof.base.records import record_of, settings_from
from spikeproof.base.seeds import Seeds, seeds
from spikeproof.base.settings import Registry
from spikeproof.base.shapes import per_item
from spikeproof.names import nearest, suggestion

__all__ = [
    "MOST_ROWS",
    "BatchSize",
    "Diverged",
    "FileProblem",
    "GradientRuleUnused",
    "IllegalAdversarial",
    "InputError",
    "Members",
    "Named",
    "OutOfMemory",
    "Registry",
    "Seeds",
    "SettingError",
    "SpikeproofError",
    "available_bytes",
    "bibtex",
    "canonical_json",
    "check_at_least",
    "check_count",
    "check_finite",
    "check_fraction",
    "check_gradients",
    "check_labels",
    "check_like",
    "check_one_of",
    "check_positive",
    "check_shape",
    "check_share",
    "computing",
    "device_of",
    "digest",
    "digest_arrays",
    "digest_file",
    "hints",
    "nearest",
    "old_spelling",
    "out_of_memory",
    "per_item",
    "placed",
    "plain_settings",
    "read_arrays",
    "read_json",
    "record_of",
    "references",
    "seeds",
    "settings_from",
    "suggestion",
    "write_arrays",
    "write_atomic",
    "write_json",
]
