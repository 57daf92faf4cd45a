"""What every room stands on: errors, checks, seeds, files, settings, citations."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.base.arrays import read_array, read_arrays, write_arrays
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
    from spikeproof.base.code_file import CodeFile
    from spikeproof.base.csv_text import csv_text
    from spikeproof.base.devices import arithmetic, check_device, computing, device_of
    from spikeproof.base.errors import (
        DiskFull,
        Diverged,
        Doubtful,
        FileProblem,
        GradientRuleUnused,
        IllegalAdversarial,
        InputError,
        OutOfMemory,
        SettingError,
        SpikeproofError,
        UnreadableFile,
        Withheld,
    )
    from spikeproof.base.fields import Named, hints, plain_settings
    from spikeproof.base.files import (
        append_line,
        canonical_json,
        check_folder,
        digest,
        digest_arrays,
        is_sealed,
        sealed,
        sweep,
        write_atomic,
        write_json,
    )
    from spikeproof.base.finite import all_finite
    from spikeproof.base.html import html_table
    from spikeproof.base.labels import class_numbers
    from spikeproof.base.locks import Lease, working_below
    from spikeproof.base.members import Members
    from spikeproof.base.memory import MOST_ROWS, BatchSize, available_bytes, out_of_memory
    from spikeproof.base.notices import old_spelling, say_once
    from spikeproof.base.origin import code_origin
    from spikeproof.base.plain import check_depth, parse_json, read_json
    from spikeproof.base.reading import digest_file, is_there, open_regular, read_bytes, read_text
    from spikeproof.base.records import record_of, settings_from
    from spikeproof.base.seeds import Seeds, seeds
    from spikeproof.base.settings import Registry
    from spikeproof.base.shapes import per_item
    from spikeproof.base.user_code import (
        Printed,
        imports_from,
        installed,
        printing_kept,
        process_kept,
    )
    from spikeproof.base.versions import versions
    from spikeproof.names import counted, nearest, printable, suggestion

__all__ = [
    "MOST_ROWS",
    "BatchSize",
    "CodeFile",
    "DiskFull",
    "Diverged",
    "Doubtful",
    "FileProblem",
    "GradientRuleUnused",
    "IllegalAdversarial",
    "InputError",
    "Lease",
    "Members",
    "Named",
    "OutOfMemory",
    "Printed",
    "Registry",
    "Seeds",
    "SettingError",
    "SpikeproofError",
    "UnreadableFile",
    "Withheld",
    "all_finite",
    "append_line",
    "arithmetic",
    "available_bytes",
    "bibtex",
    "canonical_json",
    "check_at_least",
    "check_count",
    "check_depth",
    "check_device",
    "check_finite",
    "check_folder",
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
    "class_numbers",
    "code_origin",
    "computing",
    "counted",
    "csv_text",
    "device_of",
    "digest",
    "digest_arrays",
    "digest_file",
    "hints",
    "html_table",
    "imports_from",
    "installed",
    "is_sealed",
    "is_there",
    "nearest",
    "old_spelling",
    "open_regular",
    "out_of_memory",
    "parse_json",
    "per_item",
    "placed",
    "plain_settings",
    "printable",
    "printing_kept",
    "process_kept",
    "read_array",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_text",
    "record_of",
    "references",
    "say_once",
    "sealed",
    "seeds",
    "settings_from",
    "suggestion",
    "sweep",
    "versions",
    "working_below",
    "write_arrays",
    "write_atomic",
    "write_json",
]

lazy_face(__name__)
