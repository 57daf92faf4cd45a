"""Weights of others: which files are read, what is taken off, and what is refused in a sentence."""

from __future__ import annotations

import os
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from spikeproof.adapters import fill, read_weights
from spikeproof.base import FileProblem, InputError
from spikeproof.models import write_tensors
from support.damaged_weights import network, read_damaged, state


def saved(content: object, path: Path, **settings: Any) -> Path:
    """A file that torch writes."""
    torch.save(content, path, **settings)
    return path


def same(one: Any, two: Any) -> bool:
    """Whether two state dicts are equal."""
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("key", ["", "state_dict", "model", "model_state_dict", "net"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_dict_is_found_at_the_top_or_under_a_documented_key(
    tmp_path: Path, key: str, legacy: bool
) -> None:
    wanted = state()
    content = {"epoch": 3, "optimizer": {"lr": 0.1}, key: wanted} if key else wanted
    path = saved(content, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
    found = read_weights(path)
    assert found.key == key
    assert same(found.tensors, wanted)
    other = network()
    assert fill(other, found.tensors, "w.pt", "nets.py:build") == []
    assert same(other.state_dict(), wanted)


def test_safetensors_of_others_and_of_ours_are_read(tmp_path: Path) -> None:
    wanted = state()
    safetensors.torch.save_file(wanted, tmp_path / "a.safetensors")
    write_tensors(tmp_path / "b.bin", wanted, {"schema": 1, "source": {}})
    for name in ("a.safetensors", "b.bin"):  # what it is, not what it is called
        assert same(read_weights(tmp_path / name).tensors, wanted)
    content = bytearray((tmp_path / "b.bin").read_bytes())
    content[-3] ^= 1
    (tmp_path / "b.bin").write_bytes(content)
    with pytest.raises(FileProblem, match="was changed after it was written"):
        read_weights(tmp_path / "b.bin")


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("module.", ["DataParallel"]),
        ("_orig_mod.", [r"torch\.compile"]),
        ("module._orig_mod.", ["DataParallel", r"torch\.compile"]),
    ],
)
def test_prefixes_of_wrappers_are_taken_off_and_told(prefix: str, said: list[str]) -> None:
    wanted, other = state(), network()
    notes = fill(other, {f"{prefix}{name}": t for name, t in wanted.items()}, "w.pt", "a.py:b")
    assert same(other.state_dict(), wanted)
    assert len(notes) == len(said)
    for note, writer in zip(notes, said, strict=True):
        assert writer.replace("\\", "") in note


def test_a_prefix_that_is_the_networks_own_stays() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 2)

    wanted = Wrapped().state_dict()
    other = Wrapped()
    assert fill(other, wanted, "w.pt", "a.py:b") == []
    assert same(other.state_dict(), wanted)


Change = Callable[[dict[str, Tensor]], object]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.update(head=s.pop("2.weight")), r"missing '2\.weight', unexpected 'head';"),
        (
            lambda s: s.update({"2.weights": s.pop("2.weight")}),
            r"missing '2\.weight', unexpected '2\.weights' \(nearest: '2\.weights' for '2\.weight'",
        ),
        (lambda s: s.clear(), r"missing '0\.bias', .* and 3 more, unexpected nothing"),
        (
            lambda s: s.update({"0.weight": torch.zeros(4, 5)}),
            r"'0\.weight' has shape \(4, 5\) in the file and \(4, 3\) in the network; give the arg",
        ),
        (lambda s: s.update({"0.bias": torch.arange(4)}), r"'0\.bias' is torch\.int64 in the file"),
        (lambda s: s.update({"0.bias": torch.full((4,), torch.nan)}), "values that are not finite"),
    ],
)
def test_what_does_not_fit_is_one_sentence(change: Change, sentence: str) -> None:
    tensors, other = state(), network()
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    change(tensors)
    with pytest.raises(InputError, match=sentence) as caught:
        fill(other, tensors, "w.pt", "nets.py:build")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("w.pt")
    assert same(other.state_dict(), before)


def test_half_precision_is_taken_and_a_network_that_refuses_is_named() -> None:
    other = network()
    tensors = {n: t.half() if t.is_floating_point() else t for n, t in state().items()}
    fill(other, tensors, "w.pt", "a.py:b")
    assert other[0].weight.dtype is torch.float32

    class Picky(nn.Linear):
        def _load_from_state_dict(self, *_: Any, **__: Any) -> None:
            raise KeyError("scale")

    with pytest.raises(InputError, match="does not take the tensors of w.pt .KeyError: 'scale'"):
        fill(Picky(1, 1), Picky(1, 1).state_dict(), "w.pt", "a.py:b")


class Bomb:
    """What a file of a stranger could hold."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("ran",)


def packed(path: Path) -> Path:
    """An archive that grows when it is unpacked."""
    plain = saved(state(), path.with_suffix(".plain"))
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry.filename) + bytes(10_000))
    return path


def script(path: Path) -> Path:
    """A TorchScript program."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", b"")
        archive.writestr("net/constants.pkl", b"")
    return path


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda p: None, "There is no weights file at"),
    "empty": (lambda p: p.write_bytes(b""), "is empty; give a safetensors file"),
    "page": (lambda p: p.write_text("<!DOCTYPE html><html>"), "is a page of the web"),
    "pointer": (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"),
    "text": (lambda p: p.write_text("weights"), "no safetensors file and none that torch.save"),
    "folder": (lambda p: p.mkdir(), "is no ordinary file"),
    "whole network": (lambda p: saved(network(), p), "holds objects of the class torch.nn.*never"),
    "bomb": (lambda p: saved({"a": Bomb()}, p), "pickled objects are never opened"),
    "settings": (
        lambda p: saved({"state_dict": state(), "args": Namespace(a=1)}, p),
        "of the class argparse.Namespace, not numbers alone",
    ),
    "a tensor": (lambda p: saved(torch.zeros(2), p), "holds a Tensor, not a state dict"),
    "a list": (lambda p: saved([1, 2], p), "holds a list, not a state dict"),
    "no state": (
        lambda p: saved({"epoch": 3, "loss": 0.1}, p),
        "holds 'epoch', 'loss', and no sta",
    ),
    "two": (
        lambda p: saved({"model": state(), "net": state()}, p),
        "holds 2 state dicts, under model, net",
    ),
    "sparse": (
        lambda p: saved({"a": torch.eye(2).to_sparse()}, p),
        "'a' is of a kind that is not read .torch.float32, torch.sparse_coo",
    ),
    "complex": (lambda p: saved({"a": torch.zeros(2, dtype=torch.cfloat)}, p), "torch.complex64"),
    "packed": (packed, "is a packed archive, which torch does not write"),
    "script": (script, "is a TorchScript program, which would run"),
    "cut off": (
        lambda p: p.write_bytes(saved(state(), p).read_bytes()[:900]),
        "is not a whole torch file",
    ),
    "no header": (
        lambda p: p.write_bytes(b"\xff" * 7 + b"\x7f{"),
        "its header is cut off or too long",
    ),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_no_state_dict_is_refused_and_runs_nothing(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, sentence = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pt"
    make(path)
    with pytest.raises(FileProblem, match=sentence) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert not (tmp_path / "ran").exists()


def test_an_expanded_tensor_takes_no_memory_before_it_is_refused(tmp_path: Path) -> None:
    path = saved(OrderedDict({"0.bias": torch.zeros(1).expand(1 << 40)}), tmp_path / "w.pt")
    assert path.stat().st_size < 5000
    with pytest.raises(InputError, match="missing"):
        fill(network(), read_weights(path).tensors, "w.pt", "a.py:b")
    tensors = {**state(), **read_weights(path).tensors}
    with pytest.raises(InputError, match=r"has shape \(1099511627776,\)"):
        fill(network(), tensors, "w.pt", "a.py:b")


def test_damaged_files_are_taken_or_refused_in_one_sentence(tmp_path: Path) -> None:
    ends = read_damaged(tmp_path, 60)
    assert ends["refused"] > 60 and ends["taken"] > 5  # bytes of numbers may be others
