"""Recordings in files of any format, known by name or by what they begin with."""

from __future__ import annotations

from pathlib import Path

from spikeproof.base import FileProblem, SettingError, open_regular
from spikeproof.data.streams.formats import FORMATS, StreamFormat
from spikeproof.data.streams.recording import Recording

__all__ = ["read_recording", "write_recording"]

Sensor = tuple[int, int, int]
_BEGINNING = 1 << 12
# Formats that share a suffix, by what their files say of themselves.
_SAID = {
    "aedat2": (b"#!AER-DAT2.0",),
    "aedat3": (b"#!AER-DAT3.1",),
    "evt2": (b"% evt 2.", b"EVT2"),
    "evt3": (b"% evt 3.", b"EVT3"),
}


def read_recording(
    path: Path | str,
    format: StreamFormat | str | None = None,
    *,
    sensor: Sensor | None = None,
    sort: bool = False,
    empty: bool = False,
) -> Recording:
    """Return the recording in a file.

    Args:
        path: The file.
        format: A format or its name in ``FORMATS``; None tells it by the file's name and first
            bytes.
        sensor: ``(polarities, height, width)``; None takes the format's, or what the file says.
        sort: Whether events that are out of order are sorted by time; refused where not.
        empty: Whether a recording without events is returned; refused where not.
    Raises:
        FileProblem: the file is absent, truncated, damaged, of another format, or holds no
            recording.
        SettingError: an unknown format, one that the name does not tell, a library that is not
            installed, or a sensor that nothing says.
    Cost:
        The file is read once, and at most a gigabyte of it.
    Example:
        >>> from tempfile import TemporaryDirectory
        >>> r = Recording([5, 9], [3, 0], [1, 1], [1, 0], sensor=(2, 34, 34))
        >>> with TemporaryDirectory() as folder:
        ...     write_recording(f"{folder}/00001.bin", r)
        ...     read_recording(f"{folder}/00001.bin") == r
        True
    """
    return _format(path, format, sensor, there=True).read(path, sort=sort, empty=empty)


def write_recording(
    path: Path | str, recording: Recording, format: StreamFormat | str | None = None
) -> None:
    """Write a recording in a format, atomically; what is read again is equal to it.

    Args:
        path: The file; one that is there is replaced.
        recording: What to write.
        format: A format or its name in ``FORMATS``; None tells it by the file's name.
    Raises:
        InputError: the format cannot hold an event of it.
        SettingError: an unknown format, or one that the name does not tell.
        FileProblem: the file cannot be written.
    """
    _format(path, format, recording.sensor, there=False).write(path, recording)


def _format(
    path: Path | str, format: StreamFormat | str | None, sensor: Sensor | None, *, there: bool
) -> StreamFormat:
    """The format that was given or named, or that the file shows."""
    if isinstance(format, StreamFormat):
        return format if sensor is None else _with(format, sensor)
    if format is None:
        format = _told(Path(path), there)
    record = {"kind": format} if sensor is None else {"kind": format, "sensor": sensor}
    return FORMATS.build(record)


def _with(format: StreamFormat, sensor: Sensor) -> StreamFormat:
    """The same format, set to a sensor."""
    from dataclasses import replace

    return replace(format, sensor=sensor)


def _told(path: Path, there: bool) -> str:
    """The format that the name and the first bytes of a file show."""
    suffix = path.suffix.lower()
    kinds = [kind for kind in FORMATS if suffix in FORMATS[kind].suffixes]
    if there and len(kinds) > 1:
        with open_regular(path, "recording", most=1 << 62, follow=True) as stream:
            begin = stream.read(_BEGINNING)
        kinds = [kind for kind in kinds if any(said in begin for said in _SAID.get(kind, ()))]
        if not kinds:
            raise FileProblem(
                f"{path} does not begin as any known {suffix} file does; name its format, one of "
                f"{', '.join(FORMATS)}."
            )
    if len(kinds) != 1:
        raise SettingError(
            f"The name {path.name!r} does not tell the format; name it: "
            f"{', '.join(kinds or FORMATS)}."
        )
    return kinds[0]
