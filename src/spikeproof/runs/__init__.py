"""What a run folder holds and says of itself, and whether its files are what it says."""

from spikeproof.runs.calls import begin_call, end_call, read_calls
from spikeproof.runs.index import INDEX, INDEX_COLUMNS, index_rows, write_index
from spikeproof.runs.inspection import RunContent, inspect_run, read_run
from spikeproof.runs.manifest import remove_manifest, write_manifest
from spikeproof.runs.plan import read_plan, sealed_plan
from spikeproof.runs.record import (
    HOLDERS,
    RECORD,
    WALL,
    cell_id,
    file_names,
    read_cell,
    read_record,
    read_wall,
    sealed_record,
)

__all__ = [
    "HOLDERS",
    "INDEX",
    "INDEX_COLUMNS",
    "RECORD",
    "WALL",
    "RunContent",
    "begin_call",
    "cell_id",
    "end_call",
    "file_names",
    "index_rows",
    "inspect_run",
    "read_calls",
    "read_cell",
    "read_plan",
    "read_record",
    "read_run",
    "read_wall",
    "remove_manifest",
    "sealed_plan",
    "sealed_record",
    "write_index",
    "write_manifest",
]
