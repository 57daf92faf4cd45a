"""The command line and workers keep freed memory; importing the package does not."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from spikeproof.allocator import tune_allocator
if sys.argv[1] == "keep":
    print(tune_allocator())
import numpy as np
size = 12_000_000
for _ in range(3):
    [np.ones(size // 8) for _ in range(12)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    [np.ones(size // 8) for _ in range(12)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way: str, **environment: str) -> list[str]:
    """What a fresh process prints: whether memory is kept, and pages it faulted in again."""
    around = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    call = [sys.executable, "-c", FAULTS, way]
    done = subprocess.run(
        call, env={**around, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_kept_memory_is_not_faulted_in_again() -> None:
    told, kept = faults("keep")
    if told == "False":
        pytest.skip("no glibc here")
    (returned,) = faults("return")
    assert int(returned) > 1000  # 12 arrays of 12 MB, page by page or in huge pages
    assert int(kept) < int(returned) / 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_settings_of_the_environment_are_left_alone() -> None:
    told, again = faults("keep", MALLOC_TRIM_THRESHOLD_="1024", MALLOC_MMAP_THRESHOLD_="1024")
    assert told == "True"
    assert int(again) > 1000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_one_variable_leaves_the_allocator_alone() -> None:
    told, again = faults("keep", SPIKEPROOF_ALLOCATOR="system")
    assert told == "False"
    assert int(again) > 1000
