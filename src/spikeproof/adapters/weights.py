"""Weights in files of others: safetensors or torch, read so that no file can run code."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import FileProblem, InputError, nearest, printable, read_bytes
from spikeproof.models import parse_tensors

__all__ = ["KEYS", "ReadWeights", "fill", "read_weights"]

KEYS = ("state_dict", "model", "model_state_dict", "net")
"""Under which of its keys a checkpoint may hold its state dict."""

_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel, torch.compile
_LARGEST = 1 << 32  # bytes of a file of weights
_PLAN = 1 << 26  # bytes of the description of the tensors in a torch file
_ENTRIES = 200_000
_MOST = 100_000  # tensors
# How torch begins a file of the format before archives: its magic number, pickled.
_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
_KINDS = {
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64,
}  # fmt: skip


@dataclass(frozen=True)
class ReadWeights:
    """A state dict from a file.

    Args:
        path: The file.
        key: The key it stood under; empty where it was the whole file.
        tensors: By name.
    """

    path: Path
    key: str
    tensors: Mapping[str, Tensor]


def read_weights(path: Path | str) -> ReadWeights:
    """Read a state dict from a safetensors or torch file, whatever its name.

    A torch file is read with ``weights_only=True`` and never otherwise. It holds a state dict, or
    a checkpoint with one under ``state_dict``, ``model``, ``model_state_dict`` or ``net``.

    Args:
        path: The file.
    Returns:
        The tensors, on the CPU.
    Raises:
        FileProblem: no such file, none of these formats, not whole, larger than 4 GiB, or one that
            holds other things than numbers or more than one state dict.
    Example:
        >>> read_weights("no.pt")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no weights file at no.pt.
    """
    path = Path(path)
    content = read_bytes(path, "weights file", most=_LARGEST, follow=True)
    if content[8:9] == b"{":
        return ReadWeights(path, "", parse_tensors(content, path, "weights file"))
    archive = content.startswith(b"PK\x03\x04")
    if not archive and not content.startswith(_LEGACY):
        raise FileProblem(
            f"The weights file {path} {_what(content)}; give a safetensors file, or what "
            "torch.save(model.state_dict(), PATH) writes."
        )
    if archive:
        _check_archive(content, path)
    key, tensors = _state_dict(_loaded(content, path), path)
    _check_tensors(tensors, path)
    return ReadWeights(path, key, {name: tensor.detach() for name, tensor in tensors.items()})


def fill(network: nn.Module, tensors: Mapping[str, Tensor], where: str, whose: str) -> list[str]:
    """Copy tensors into a network whose names and shapes must be theirs.

    Args:
        network: The network; changed.
        tensors: By name. A prefix that a wrapper put before all names is taken off.
        where: Whose tensors they are, for sentences.
        whose: Whose network it is, for sentences.
    Returns:
        What a user should know, one sentence each.
    Raises:
        InputError: names or shapes are missing, unexpected or different, or a number is not
            finite.
    Example:
        >>> net = nn.Linear(1, 1)
        >>> fill(net, {f"module.{n}": t for n, t in net.state_dict().items()}, "a.pt", "a.py:net")
        ["The names in a.pt begin with 'module.', as DataParallel writes them; it was taken off."]
    """
    wanted = network.state_dict()
    tensors, notes = _unwrapped(tensors, wanted, where)
    missing, unexpected = sorted(wanted.keys() - tensors), sorted(tensors.keys() - wanted)
    if missing or unexpected:
        raise InputError(
            f"{where} does not fit the network of {whose}: missing {_few(missing)}, unexpected "
            f"{_few(unexpected)}{_nearest(missing, unexpected)}; give the weights of this network, "
            "or the arguments that it was trained with."
        )
    for name, tensor in tensors.items():
        _check_tensor(name, tensor, wanted[name], where, whose)
    try:
        network.load_state_dict(dict(tensors), strict=True)
    except Exception as problem:
        why = printable(" ".join(str(problem).split())[:200])
        raise InputError(
            f"The network of {whose} does not take the tensors of {where} "
            f"({type(problem).__name__}: {why}); see that it loads them without spikeproof."
        ) from None
    return notes


def _what(content: bytes) -> str:
    """What a file is that holds no weights, as far as its beginning says."""
    start = content[:512].lstrip().lower()
    if not content:
        return "is empty"
    if start.startswith((b"<!doctype", b"<html")):
        return "is a page of the web, as a failed download leaves it"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not what it points to"
    return "is no safetensors file and none that torch.save writes"


def _check_archive(content: bytes, path: Path) -> None:
    """Raise where an archive would grow when it is unpacked, or describes its tensors at length."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as problem:
        raise _broken(path, str(problem)) from None
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > len(content):
        raise FileProblem(
            f"The weights file {path} is a packed archive, which torch does not write; give what "
            "torch.save(model.state_dict(), PATH) writes."
        )
    names = [entry.filename for entry in entries]
    descriptions = [entry for entry in entries if entry.filename.endswith("data.pkl")]
    if any(name.endswith("constants.pkl") for name in names):
        raise FileProblem(
            f"The weights file {path} is a TorchScript program, which would run; give what "
            "torch.save(model.state_dict(), PATH) writes."
        )
    if len(descriptions) != 1 or len(entries) > _ENTRIES or descriptions[0].file_size > _PLAN:
        raise FileProblem(
            f"The weights file {path} is an archive and none that torch.save writes; give what "
            "torch.save(model.state_dict(), PATH) writes."
        )


def _loaded(content: bytes, path: Path) -> Any:
    """What a torch file holds, as far as that is numbers and plain containers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as problem:
        text = str(problem)
        found = re.search(r"GLOBAL ([\w.]+)", text) or re.search(r"`?([\w.]+)`? was not an", text)
        if found or "weights_only" in text:
            held = f" of the class {found[1]}" if found else ""
            raise FileProblem(
                f"The weights file {path} holds objects{held}, not numbers alone, and pickled "
                "objects are never opened; save the state dict by itself, "
                "torch.save(model.state_dict(), PATH)."
            ) from None
        raise _broken(path, f"{type(problem).__name__}: {text}") from None


def _state_dict(content: Any, path: Path) -> tuple[str, Mapping[str, Tensor]]:
    """The state dict in a file and the key it stands under."""
    if not isinstance(content, Mapping):
        raise FileProblem(
            f"The weights file {path} holds a {type(content).__name__}, not a state dict; save "
            "one by torch.save(model.state_dict(), PATH)."
        )
    if _is_state_dict(content):
        return "", content
    held = [key for key in KEYS if isinstance(content.get(key), Mapping) and content[key]]
    whole = [key for key in held if _is_state_dict(content[key])]
    if len(whole) > 1:
        raise FileProblem(
            f"The weights file {path} holds {len(whole)} state dicts, under {', '.join(whole)}; "
            "save the one that is meant by itself."
        )
    if whole:
        return whole[0], content[whole[0]]
    keys = ", ".join(printable(repr(key)[:40]) for key in list(content)[:8]) or "nothing"
    raise FileProblem(
        f"The weights file {path} holds {keys}, and no state dict at its top or under "
        f"{', '.join(KEYS)}; save one by torch.save(model.state_dict(), PATH)."
    )


def _is_state_dict(content: Mapping[Any, Any]) -> bool:
    """Whether these are named tensors and nothing else."""
    return bool(content) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    )


def _check_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise where a tensor is of a kind that holds no plain numbers."""
    if len(tensors) > _MOST:
        raise FileProblem(f"The weights file {path} holds more than {_MOST:,} tensors.")
    for name, tensor in tensors.items():
        plain = tensor.layout is torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.is_quantized or tensor.dtype not in _KINDS:
            kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device.type}"
            raise FileProblem(
                f"The weights file {path}: tensor {printable(name[:80])!r} is of a kind that is "
                f"not read ({kind}); save it as a plain tensor of floating-point numbers."
            )


def _unwrapped(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Any], where: str
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors without what wrappers put before every name, and what to say of it."""
    found, notes = dict(tensors), []
    writers = dict(zip(_WRAPPERS, ("DataParallel", "torch.compile"), strict=True))
    while prefix := next((p for p in _WRAPPERS if _before_all(p, found, wanted)), None):
        found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
        notes.append(
            f"The names in {where} begin with {prefix!r}, as {writers[prefix]} writes them; it was "
            "taken off."
        )
    return found, notes


def _before_all(prefix: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a prefix stands before all names of a file and before none of the network's."""
    own = any(name.startswith(prefix) for name in wanted)
    return bool(found) and not own and all(name.startswith(prefix) for name in found)


def _check_tensor(name: str, tensor: Tensor, own: Tensor, where: str, whose: str) -> None:
    """Raise unless a tensor can stand in the place of the network's own."""
    if nn.parameter.is_lazy(own):
        return  # of any shape, which is what makes it lazy
    shown = printable(name[:80])
    if tensor.shape != own.shape:
        raise InputError(
            f"{where} does not fit the network of {whose}: tensor {shown!r} has shape "
            f"{tuple(tensor.shape)} in the file and {tuple(own.shape)} in the network; give the "
            "arguments that it was trained with."
        )
    if tensor.dtype != own.dtype and not (tensor.is_floating_point() and own.is_floating_point()):
        raise InputError(
            f"{where} does not fit the network of {whose}: tensor {shown!r} is {tensor.dtype} in "
            f"the file and {own.dtype} in the network; save the weights of this network."
        )
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise InputError(
            f"{where}: tensor {shown!r} holds values that are not finite; restore the file from a "
            "copy, or train the network again."
        )


def _few(names: list[str]) -> str:
    """Names in a sentence, the first of many."""
    if not names:
        return "nothing"
    shown = ", ".join(printable(repr(name[:80])) for name in names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _nearest(missing: list[str], unexpected: list[str]) -> str:
    """Which unexpected names are most like the first that are missing."""
    pairs = [(name, nearest(name, unexpected[:1000])) for name in missing[:3]]
    close = [f"{other[:80]!r} for {name!r}" for name, other in pairs if other]
    return f" (nearest: {printable(', '.join(close))})" if close else ""


def _broken(path: Path, why: str) -> FileProblem:
    """The sentence about a torch file that is not whole."""
    short = printable(" ".join(why.split())[:160])
    return FileProblem(
        f"The weights file {path} is not a whole torch file ({short}); restore it from a copy or "
        "save it again."
    )
