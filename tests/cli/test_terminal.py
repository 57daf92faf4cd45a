"""What is printed where the terminal is old, closed, obedient or no longer reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikeproof.cli.show import note, print_json, print_table, say

ODD = "red \x1b[31m left \u202e half \ud800 \x9b2J"
SHOWN = "red \\x1b[31m left \\u202e half \\ud800 \\x9b2J"
# As main() does, without the seconds that a command's imports take.
START = "import sys; from spikeproof.cli.terminal import open_streams, written_out; open_streams();"


def ran(code: str, **streams: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": str(streams.pop("encoding", "utf-8"))}
    command = [sys.executable, "-c", START + code]
    return subprocess.run(command, env=environment, check=False, **streams)  # type: ignore[call-overload,no-any-return]


def test_no_name_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(ODD)
    note(ODD)
    print_table([ODD, "b"], [[ODD, 1]], title=ODD)
    out, err = capsys.readouterr()
    assert err == SHOWN + "\n"
    assert out.startswith(SHOWN + "\n")
    assert not any(sign in out for sign in "\x1b\u202e\ud800\x9b")
    assert out.count("\\x1b[31m") == 4


def test_numbers_that_are_not_finite_are_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), 1.5, (float("inf"),)], "b": {"c": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5, [None]], "b": {"c": None}}


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", "ℓ∞ é".encode()), ("latin-1", b"?? \xe9"), ("ascii", b"?? ?")]
)
def test_a_sign_that_a_terminal_lacks_is_replaced(encoding: str, shown: bytes) -> None:
    found = ran("print('ℓ∞ é'); print('ℓ∞ é', file=sys.stderr)", encoding=encoding,
                capture_output=True)  # fmt: skip
    assert (found.returncode, found.stdout, found.stderr) == (0, shown + b"\n", shown + b"\n")


def test_what_nobody_reads_is_dropped_and_the_work_goes_on(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = tmp_path / "done"
    code = f"[print('x' * 9999) for _ in range(9)]; open({str(done)!r}, 'w').close(); "
    try:
        found = ran(code + "sys.exit(int(written_out() is not None))", stdout=writer,
                    stderr=subprocess.PIPE)  # fmt: skip
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr, done.exists()) == (0, b"", True)


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_may_be_closed(closed: tuple[int, ...]) -> None:
    shell = " ".join(f"{number}>&-" for number in closed)
    command = [
        "sh",
        "-c",
        f'exec "$0" "$@" {shell}',
        sys.executable,
        "-m",
        "spikeproof",
        "--version",
    ]
    found = subprocess.run(command, capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0, b"")
    assert found.stdout == b"" if 1 in closed else found.stdout.startswith(b"spikeproof ")


def test_a_full_disk_behind_standard_output_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "spikeproof", "--version"]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert found.returncode == 1
    assert found.stderr == b"No space left on device.\n"


def test_a_list_may_be_cut_by_head() -> None:
    command = f"{sys.executable} -m spikeproof list | head -1; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert found.stdout.splitlines()[-1] == "0"
