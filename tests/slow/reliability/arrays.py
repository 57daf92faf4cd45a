"""Damage to arrays and weights: archives and headers that say what is not so."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from slow.reliability.textual import PAYLOADS, hostile_json

__all__ = ["ARRAYS", "WEIGHTS"]

Damage = Callable[[Random, bytes], bytes]
_BOMB = 1_600_000_000  # bytes that a small archive unfolds to


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _npy(array: np.ndarray[Any, Any], **allow: bool) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **allow)
    return buffer.getvalue()


def _header(text: str, version: int = 1) -> bytes:
    """A member whose header is a text of ours."""
    size = struct.pack("<H" if version == 1 else "<I", len(text) & (0xFFFF if version == 1 else ~0))
    return b"\x93NUMPY" + bytes((version, 0)) + size + text.encode("latin-1", "replace")


def npz_value(random: Random, content: bytes) -> bytes:
    """The forgery: an array rewritten, the archive sound."""
    members = _members(content)
    name = random.choice(list(members))
    array = np.lib.format.read_array(io.BytesIO(members[name]))
    flat = array.reshape(-1).copy()
    if flat.size:
        at = random.randrange(flat.size)
        flat[at] = not flat[at] if flat.dtype == np.bool_ else flat[at] + 1
    return _archive({**members, name: _npy(flat.reshape(array.shape))})


def npz_all_broken(random: Random, content: bytes) -> bytes:
    """Every verdict the same."""
    members = _members(content)
    for name in members:
        array = np.lib.format.read_array(io.BytesIO(members[name]))
        members[name] = _npy(np.full_like(array, random.choice((0, 1))))
    return _archive(members)


def npz_other_array(random: Random, content: bytes) -> bytes:
    """Another type or shape."""
    members = _members(content)
    name = random.choice(list(members))
    array = np.lib.format.read_array(io.BytesIO(members[name]))
    other = random.choice(
        (array.astype("complex64"), array.astype("U3"), array[:0], array[None], array.reshape(-1),
         np.zeros(()), array.astype("f8") * np.nan, array.astype("f2"), array.astype(">i8"),
         array.astype("V4"), np.zeros(3, dtype=[("a", "f4"), ("b", "i2")]), array.astype("M8[s]"))
    )  # fmt: skip
    return _archive({**members, name: _npy(np.asarray(other))})


def npz_objects(random: Random, content: bytes) -> bytes:
    """A member that would have to be unpickled."""
    members = _members(content)
    name = random.choice(list(members))
    return _archive({**members, name: _npy(np.array([{"a": 1}, None]), allow_pickle=True)})


def npz_header(random: Random, content: bytes) -> bytes:
    """A member whose header is a lie, a monster or no header."""
    members = _members(content)
    name = random.choice(list(members))
    shapes = ("(1000000000000,)", "(-1,)", "(4, 4, 4, 4)", "(" + "1," * 5000 + ")", "(0,)",
              "((1,),)", "'x'", "(1.5,)", "(9" + "9" * 5000 + ",)",
              "(2147483648, 2147483648, 4)")  # fmt: skip
    texts = [f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}" for shape in shapes]
    texts += ["[" * 20_000, "{}", "", "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
              "{'descr': '" + "x" * 9000 + "'}", "__import__('os')", "(" * 90 + ")" * 90,
              "{'descr': [('a', '<f4')] * 9, 'fortran_order': 0, 'shape': (1,)}"]  # fmt: skip
    made = _header(random.choice(texts) + "\n", random.choice((1, 2, 3))) + bytes(64)
    return _archive({**members, name: made})


def npz_bomb(random: Random, content: bytes) -> bytes:
    """A few kilobytes that unfold to gigabytes."""
    members = _members(content)
    name = random.choice(list(members))
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({_BOMB},), }}\n"
    return _squeezed({**members, name: b""}, name, _header(head))


def _squeezed(members: dict[str, bytes], name: str, head: bytes) -> bytes:
    """An archive with a member of zeros, written bit by bit; made once and kept."""
    key = (name, head)
    if key not in _KEPT:
        buffer, entry = io.BytesIO(), zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED  # an entry made by hand is stored as it is
        with (
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open(entry, "w", force_zip64=True) as member,
        ):
            member.write(head)
            for _ in range(_BOMB // (1 << 22)):
                member.write(bytes(1 << 22))
        _KEPT[key] = buffer.getvalue()
    buffer = io.BytesIO(_KEPT[key])
    with zipfile.ZipFile(buffer, "a") as archive:
        for other, content in members.items():
            if other != name:
                archive.writestr(zipfile.ZipInfo(other), content)
    return buffer.getvalue()


_KEPT: dict[tuple[str, bytes], bytes] = {}


def npz_many(random: Random, content: bytes) -> bytes:
    """Thousands of members, or one that stands twice."""
    members = _members(content)
    if random.random() < 0.5:
        return _archive({**members, **{f"{number}.npy": b"" for number in range(5000)}})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, each in members.items():
            archive.writestr(zipfile.ZipInfo(name), each)
        extra = buffer.getvalue()
    name = next(iter(members))
    return extra.replace(name.encode(), b"x" * len(name), 1)


def npz_names(random: Random, content: bytes) -> bytes:
    """A member under another name, or gone."""
    members = _members(content)
    name = random.choice(list(members))
    kept = members.pop(name)
    odd = random.choice(
        (None, "../../x.npy", "/x.npy", "a\x00b.npy", "\x1b[31m.npy", "x", "", "/.npy")
    )
    return _archive(members if odd is None else {**members, odd: kept})


def npz_encrypted(random: Random, content: bytes) -> bytes:
    """The flag says that a member is encrypted, or packed in a way nobody knows."""
    some = bytearray(content)
    at = some.find(b"PK\x01\x02")
    if random.random() < 0.5:
        some[at + 8] |= 1
        some[6] |= 1
    else:
        some[at + 10] = some[8] = random.choice((1, 9, 12, 14, 97, 99))
    return bytes(some)


def npz_plain_npy(random: Random, content: bytes) -> bytes:
    """One array instead of an archive."""
    return _npy(np.zeros((3, 4)), allow_pickle=True)


ARRAYS: dict[str, Damage] = {
    function.__name__.replace("_", " "): function
    for function in (
        npz_value, npz_all_broken, npz_other_array, npz_objects, npz_header, npz_bomb, npz_many,
        npz_names, npz_encrypted, npz_plain_npy,
    )
}  # fmt: skip


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _joined(header: str, data: bytes) -> bytes:
    text = header.encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def _tensors(header: dict[str, Any]) -> list[str]:
    return [name for name in header if name != "__metadata__"]


def weight_bit(random: Random, content: bytes) -> bytes:
    """The forgery: one bit of one weight."""
    (size,) = struct.unpack("<Q", content[:8])
    at, some = random.randrange(8 + size, len(content)), bytearray(content)
    some[at] ^= 1 << random.randrange(8)
    return bytes(some)


def weight_type(random: Random, content: bytes) -> bytes:
    """Same bytes, another type of number, or another shape."""
    header, data = _split(content)
    entry = header[random.choice(_tensors(header))]
    if random.random() < 0.6:
        entry["dtype"] = random.choice(
            ("I32", "U32", "F16", "BF16", "F64", "BOOL", "F8_E4M3", "X", 7)
        )
    else:
        entry["shape"] = random.choice((entry["shape"][::-1], [*entry["shape"], 1], [],
                                        [1 << 40, 1 << 40], [-1], [1 << 63], [0],
                                        "x", [1.5]))  # fmt: skip
    return _joined(json.dumps(header), data)


def weight_offsets(random: Random, content: bytes) -> bytes:
    """Tensors that lie elsewhere."""
    header, data = _split(content)
    one, two = (random.choice(_tensors(header)) for _ in range(2))
    header[one]["data_offsets"] = random.choice(
        (header[two]["data_offsets"], [0, 1 << 62], [5, 1], [-4, 0], [0], "x", [0, len(data) + 4])
    )
    return _joined(json.dumps(header), data)


def weight_names(random: Random, content: bytes) -> bytes:
    """A tensor under another name, gone, or exchanged with another."""
    header, data = _split(content)
    name = random.choice(_tensors(header))
    entry = header.pop(name)
    odd = random.choice((None, "", "x", "../x", "\x1b[31m", name.upper()))
    if odd is not None:
        header[odd] = entry
    return _joined(json.dumps(header), data)


def weight_values(random: Random, content: bytes) -> bytes:
    """All weights the same, or not numbers."""
    header, data = _split(content)
    value = random.choice((float("nan"), float("inf"), 0.0, 1e38, 1.0))
    return _joined(
        json.dumps(header), struct.pack("<f", value) * (len(data) // 4) + data[len(data) // 4 * 4 :]
    )


def header_whole(random: Random, content: bytes) -> bytes:
    """A header that is no table, or says a length of its own."""
    _, data = _split(content)
    if random.random() < 0.3:
        return (
            struct.pack("<Q", random.choice((0, 1, 1 << 40, (1 << 63) - 1, 1 << 63, 2**64 - 1)))
            + content[8:]
        )
    return _joined(
        random.choice(("[]", "{}", "null", "1", '"x"', "", "{", *PAYLOADS.values())), data
    )


def header_json(random: Random, content: bytes) -> bytes:
    """Any damage to the header as JSON."""
    header, data = _split(content)
    return _joined(hostile_json(random, json.dumps(header)), data)


def header_ours(random: Random, content: bytes) -> bytes:
    """Any damage to what we say of the network in the header."""
    header, data = _split(content)
    key = next(iter(header["__metadata__"]))
    header["__metadata__"][key] = hostile_json(random, header["__metadata__"][key])
    return _joined(json.dumps(header), data)


def network_size(random: Random, content: bytes) -> bytes:
    """A network that would fill the machine, or whose sizes are no sizes."""
    header, data = _split(content)
    key = next(iter(header["__metadata__"]))
    ours = json.loads(header["__metadata__"][key])
    spec = ours.get("model") or ours.get("identity", {}).get("architecture", {}).get("spec") or ours
    names = [name for name in ("width", "timesteps", "classes", "domain", "name") if name in spec]
    if names:
        spec[random.choice(names)] = random.choice(
            (2.5, 1e30, -1, 0, 10**5, 10**9, 10**26, "4", [4], None, True, 3)
        )
    header["__metadata__"][key] = json.dumps(ours)
    return _joined(json.dumps(header), data)


WEIGHTS: dict[str, Damage] = {
    function.__name__.replace("_", " "): function
    for function in (
        weight_bit, weight_type, weight_offsets, weight_names, weight_values, header_whole,
        header_json, header_ours, network_size,
    )
}  # fmt: skip
