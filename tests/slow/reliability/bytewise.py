"""Damage that knows nothing of what a file holds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

__all__ = ["BYTEWISE", "Bytewise"]

Bytewise = Callable[[Random, bytes], bytes]


def _slice(random: Random, content: bytes) -> tuple[int, int]:
    """A random stretch of the content."""
    start = random.randrange(len(content) + 1)
    return start, min(len(content), start + random.choice((1, 2, 8, 64, 512)))


def flip_bit(random: Random, content: bytes) -> bytes:
    at, bits = random.randrange(len(content)), bytearray(content)
    bits[at] ^= 1 << random.randrange(8)
    return bytes(bits)


def flip_bytes(random: Random, content: bytes) -> bytes:
    some = bytearray(content)
    for _ in range(random.choice((1, 4, 32))):
        some[random.randrange(len(some))] = random.randrange(256)
    return bytes(some)


def flip_in_head(random: Random, content: bytes) -> bytes:
    """Where formats keep their lengths."""
    some = bytearray(content)
    some[random.randrange(min(64, len(some)))] = random.randrange(256)
    return bytes(some)


def flip_in_tail(random: Random, content: bytes) -> bytes:
    """Where archives keep their directory."""
    some = bytearray(content)
    some[-1 - random.randrange(min(160, len(some)))] = random.randrange(256)
    return bytes(some)


def truncate(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content))]


def empty(random: Random, content: bytes) -> bytes:
    return b""


def cut_out(random: Random, content: bytes) -> bytes:
    start, end = _slice(random, content)
    return content[:start] + content[end:]


def duplicate(random: Random, content: bytes) -> bytes:
    start, end = _slice(random, content)
    return content[:end] + content[start:end] + content[end:]


def double(random: Random, content: bytes) -> bytes:
    return content + content


def insert(random: Random, content: bytes) -> bytes:
    start, _ = _slice(random, content)
    return content[:start] + random.randbytes(random.choice((1, 3, 100))) + content[start:]


def append(random: Random, content: bytes) -> bytes:
    return content + random.choice((b"\x00", b"\n", b" ", b"}", random.randbytes(40)))


def zeros(random: Random, content: bytes) -> bytes:
    start, end = _slice(random, content)
    return content[:start] + bytes(end - start) + content[end:]


def exchange(random: Random, content: bytes) -> bytes:
    some, one, two = (
        bytearray(content),
        random.randrange(len(content)),
        random.randrange(len(content)),
    )
    some[one], some[two] = some[two], some[one]
    return bytes(some)


def reverse(random: Random, content: bytes) -> bytes:
    return content[::-1]


def noise(random: Random, content: bytes) -> bytes:
    return random.randbytes(random.choice((1, 10, 1000, 100_000)))


def byte_order_mark(random: Random, content: bytes) -> bytes:
    return random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) + content


def wide(random: Random, content: bytes) -> bytes:
    """The text in another encoding."""
    return content.decode("latin-1").encode(random.choice(("utf-16", "utf-32", "utf-7")))


def line_ends(random: Random, content: bytes) -> bytes:
    return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\x00")))


def change_digit(random: Random, content: bytes) -> bytes:
    """One digit of a text becomes another: the smallest forgery."""
    places = [at for at, byte in enumerate(content) if 48 <= byte <= 57]
    if not places:
        return flip_bit(random, content)
    some = bytearray(content)
    some[random.choice(places)] = random.randrange(48, 58)
    return bytes(some)


def change_word(random: Random, content: bytes) -> bytes:
    """One word becomes another that means something else."""
    pairs = ((b"true", b"false"), (b"false", b"true"), (b"null", b"0"), (b"test", b"validation"),
             (b"linf", b"l2"), (b"digits", b"fashion-mnist"), (b"plain", b"SR"))  # fmt: skip
    there = [pair for pair in pairs if pair[0] in content]
    if not there:
        return flip_bit(random, content)
    old, new = random.choice(there)
    return content.replace(old, new, random.choice((1, 1, 9)))


BYTEWISE: dict[str, Bytewise] = {
    function.__name__: function
    for function in (
        flip_bit, flip_bytes, flip_in_head, flip_in_tail, truncate, empty, cut_out, duplicate,
        double, insert, append, zeros, exchange, reverse, noise, byte_order_mark, wide, line_ends,
        change_digit, change_word,
    )
}  # fmt: skip
