"""Model files that were changed, or made to hurt: named before anything is allocated or run."""

from __future__ import annotations

import json
import os
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spikeproof.base import FileProblem, SettingError, SpikeproofError, write_json
from spikeproof.data import Domain
from spikeproof.models import (
    ModelSpec,
    build,
    load_model,
    model_digest,
    read_tensors,
    save_model,
    write_tensors,
)

SPEC = ModelSpec(
    name="cnn-small", domain=Domain(kind="image", shape=(1, 8, 8)), classes=10, timesteps=2, width=2
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a small network."""
    save_model(build(SPEC), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a safetensors file."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def put(path: Path, header: Any, rest: bytes) -> None:
    """Write such a file."""
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + rest)


def test_the_hash_is_the_same_for_the_same_network_and_the_digest_is_what_it_was(
    path: Path,
) -> None:
    tensors, header = read_tensors(path)
    assert set(header) == {"schema", "model"}
    assert json.loads(parts(path)[0]["__metadata__"]["spikeproof"])["sha256"]
    assert model_digest(load_model(path)) == model_digest(build(SPEC))
    write_tensors(path.with_name("n.safetensors"), tensors, header)
    assert path.read_bytes() == path.with_name("n.safetensors").read_bytes()


def test_every_flipped_bit_of_a_model_file_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(spoilt)
        with pytest.raises(SpikeproofError):
            pytest.fail(f"bit {place % 8} of byte {place}: {load_model(path).spec}")


def test_floats_that_the_header_calls_whole_numbers_are_named(path: Path) -> None:
    header, rest = parts(path)
    name = next(name for name in header if name.endswith("weight"))
    header[name]["dtype"] = "I32"
    put(path, header, rest)
    with pytest.raises(FileProblem, match=f"tensor '{name}' is torch.int32; the architecture"):
        load_model(path)


def specified(path: Path, **changes: Any) -> None:
    """Another specification in the header, the hash left out."""
    header, rest = parts(path)
    ours = json.loads(header["__metadata__"]["spikeproof"])
    del ours["sha256"]
    ours["model"] |= changes
    header["__metadata__"]["spikeproof"] = json.dumps(ours)
    put(path, header, rest)


@pytest.mark.parametrize(
    "changes",
    [
        {"timesteps": 2.5},
        {"timesteps": 1e30},
        {"timesteps": 10**30},
        {"timesteps": 10**9},
        {"timesteps": "2"},
        {"timesteps": True},
        {"width": 100_000_000},
        {"width": 10**18},
        {"width": 2.0},
        {"classes": 10**12},
        {"name": "sew-resnet-50", "width": 10**7},
        {"name": "dense", "norm": "per-step", "timesteps": 60_000},
        {"domain": {"kind": "image", "shape": [10**6, 10**6, 10**6], "low": 0.0, "high": 1.0}},
        {"domain": 5},
        {"neuron": []},
        {"encoder": {"kind": "nothing"}},
        {"more": 1},
    ],
)
def test_a_small_file_that_names_a_huge_or_no_network_takes_no_memory(
    path: Path, changes: dict[str, Any]
) -> None:
    specified(path, **changes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    with pytest.raises((FileProblem, SettingError)) as problem:
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert len(str(problem.value)) < 1000


@pytest.mark.parametrize(
    "header",
    [
        [],
        5,
        None,
        {},
        {"__metadata__": []},
        {"__metadata__": {"spikeproof": "["}},
        {"__metadata__": {"spikeproof": "[" * 100_000}},
        {"__metadata__": {"spikeproof": "[]"}},
        {"__metadata__": {"spikeproof": 5}},
        {"a": 5},
        {"a": {"dtype": "F32", "shape": [10**15], "data_offsets": [0, 4 * 10**15]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}},
        {"a": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": "08"}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [None, 8]}},
    ],
)
def test_headers_that_are_none_are_one_sentence(path: Path, header: Any) -> None:
    put(path, header, bytes(8))
    with pytest.raises(FileProblem, match=r"m\.safetensors"):
        load_model(path)


@pytest.mark.parametrize("size", [0, 7, 2**63, 2**64 - 1])
def test_a_header_of_an_impossible_size_is_one_sentence(path: Path, size: int) -> None:
    path.write_bytes(size.to_bytes(8, "little") + b"{}" * 50)
    with pytest.raises(FileProblem, match="not a whole safetensors"):
        load_model(path)


def test_a_file_of_an_earlier_version_is_read_and_told_once(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    wanted = model_digest(load_model(path))
    assert capsys.readouterr().err == ""
    specified(path)
    for _ in range(2):
        assert model_digest(load_model(path)) == wanted
    told = capsys.readouterr().err
    assert told.count("kept no hash") == 1
    assert str(path) in told


@pytest.mark.parametrize("card", [{}, [], {"model": 5}, {"model": {"sha256": "0" * 64}}])
def test_the_card_beside_a_model_is_about_it(path: Path, card: object) -> None:
    known = {"model": {"sha256": model_digest(build(SPEC))}}
    write_json(path.with_suffix(".card.json"), known)
    load_model(path)
    write_json(path.with_suffix(".card.json"), card)
    with pytest.raises(FileProblem, match=r"m\.card\.json is about"):
        load_model(path)


def test_half_precision_still_is_read_into_a_network(path: Path) -> None:
    tensors = load_file(path)
    header = {"spikeproof": json.dumps({"schema": 1, "model": SPEC.record()})}
    half = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
    save_file(half, path, metadata=header)
    weight = next(load_model(path).parameters())
    assert weight.dtype == torch.float32


def test_a_model_may_be_named_by_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "best").symlink_to(path)
    assert load_model(tmp_path / "best").spec == SPEC


@pytest.mark.parametrize("size", [2.5, True, 0, -1, "2"])
@pytest.mark.parametrize("name", ["timesteps", "width", "classes"])
def test_sizes_are_whole_numbers(name: str, size: object) -> None:
    with pytest.raises(SettingError, match=name):
        ModelSpec.from_record({**SPEC.record(), name: size})


def test_a_file_that_is_larger_than_its_header_says_is_not_read(path: Path) -> None:
    os.truncate(path, 3 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(FileProblem, match="its tensors take"):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
