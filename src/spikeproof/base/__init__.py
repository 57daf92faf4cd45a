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
    check_name,
    check_one_of,
    check_positive,
    check_seed,
    check_shape,
    check_share,
    check_text,
    check_whole,
    placed,
)
from spikeproof.base.cite import bibtex, references
from spikeproof.base.errors import (
    Diverged,
    FileProblem,
    GradientRuleUnused,
    IllegalAdversarial,
    InputError,
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
from spikeproof.base.notices import old_spelling
from spikeproof.base.records import record_of, settings_from
from spikeproof.base.seeds import Seeds, seeds
from spikeproof.base.settings import Registry
from spikeproof.base.shapes import per_item
from spikeproof.names import nearest, printable, suggestion

__all__ = [
    "Diverged",
    "FileProblem",
    "GradientRuleUnused",
    "IllegalAdversarial",
    "InputError",
    "Members",
    "Named",
    "Registry",
    "Seeds",
    "SettingError",
    "SpikeproofError",
    "bibtex",
    "canonical_json",
    "check_at_least",
    "check_count",
    "check_finite",
    "check_fraction",
    "check_gradients",
    "check_labels",
    "check_like",
    "check_name",
    "check_one_of",
    "check_positive",
    "check_seed",
    "check_shape",
    "check_share",
    "check_text",
    "check_whole",
    "digest",
    "digest_arrays",
    "digest_file",
    "hints",
    "nearest",
    "old_spelling",
    "per_item",
    "placed",
    "plain_settings",
    "printable",
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
