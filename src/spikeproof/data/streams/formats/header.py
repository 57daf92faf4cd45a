"""The lines of text in front of the events of a file."""

from __future__ import annotations

from spikeproof.data.streams.formats.stream_format import Damage

__all__ = ["facts_of", "lines_of", "raw_header", "raw_lines", "sensor_of"]

_LONGEST = 1 << 16  # bytes of all lines


def lines_of(content: bytes, mark: bytes, end: bytes | None = None) -> tuple[list[str], int]:
    """Return the lines that begin with a mark, and where the rest of the file begins.

    Args:
        content: The file.
        mark: How each line begins; the first that begins otherwise belongs to the rest.
        end: The line that ends the header, where a format has one that must be there.
    Raises:
        Damage: a line does not end, the header is longer than any, or its last line lacks.
    """
    lines, begin, closed = [], 0, end is None
    while content.startswith(mark, begin):
        stop = content.find(b"\n", begin, _LONGEST)
        if stop < 0:
            raise Damage(f"has a header that does not end within {_LONGEST:,} bytes")
        line = content[begin : stop + 1]
        lines.append(line[len(mark) :].decode("latin-1").strip())
        begin = stop + 1
        if end is not None and line.rstrip() == end:
            closed = True
            break
    if not closed:
        raise Damage(f"has a header without the line {(end or b'').decode()}")
    return lines, begin


def facts_of(lines: list[str]) -> dict[str, str]:
    """Return the first words of header lines, in small letters, with the rest of their lines."""
    split = [line.partition(" ") for line in lines]
    return {name.lower(): value.strip() for name, _, value in split}


def sensor_of(width: str | None, height: str | None) -> tuple[int, int, int] | None:
    """Return the sensor that a header names; None where it names none.

    Raises:
        Damage: sizes that are no numbers of pixels.
    """
    if width is None or height is None:
        return None
    if not all(size.isascii() and size.isdigit() and 0 < len(size) < 6 for size in (width, height)):
        raise Damage(f"says a sensor of {width[:20]!r} by {height[:20]!r} pixels")
    if not (0 < int(width) <= 1 << 16 and 0 < int(height) <= 1 << 16):
        raise Damage(f"says a sensor of {width} by {height} pixels")
    return 2, int(height), int(width)


def raw_header(content: bytes, version: str) -> tuple[int, tuple[int, int, int] | None]:
    """Return where the words of a raw file begin, and its sensor if it says one.

    Args:
        content: The file.
        version: Of the words: ``"2"`` or ``"3"``.
    Raises:
        Damage: no header, or one of another version.
    """
    lines, begin = lines_of(content, b"%", b"% end" if b"\n% end" in content[:_LONGEST] else None)
    facts = facts_of(lines)
    said = facts.get("format", "").partition(";")
    if not (facts.get("evt", "").startswith(f"{version}.") or said[0].upper() == f"EVT{version}"):
        raise Damage(f"has no header that says EVT{version}")
    sizes = dict(part.partition("=")[::2] for part in said[2].split(";"))
    width, height = sizes.get("width"), sizes.get("height")
    if width is None and "x" in facts.get("geometry", ""):
        width, _, height = facts["geometry"].partition("x")
    return begin, sensor_of(width, height)


def raw_lines(version: str, sensor: tuple[int, int, int]) -> bytes:
    """Return the header of a raw file."""
    _, height, width = sensor
    return (
        f"% evt {version}.0\n% format EVT{version};height={height};width={width}\n"
        f"% geometry {width}x{height}\n% end\n"
    ).encode()
