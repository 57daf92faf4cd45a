"""Getting files: resumed, checked, unpacked; or told where to put what."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from spikeproof.base import FileProblem, SettingError
from spikeproof.cli.main import run
from spikeproof.data import DATASETS, Mnist, Shd, Source, fetch, wanted
from spikeproof.data.files import Download

CONTENT = bytes(range(256)) * 40


class Shelf(BaseHTTPRequestHandler):
    """Files by name; what was asked for is remembered."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str | None]] = []
    cut: ClassVar[int | None] = None

    def do_GET(self) -> None:
        content, wanted = self.files.get(self.path[1:]), self.headers.get("Range")
        self.asked.append(wanted)
        if content is None:
            self.send_error(404)
            return
        begin = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
        if wanted and begin >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin : self.cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def shelf() -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    Shelf.files, Shelf.asked, Shelf.cut = {}, [], None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def toy(
    monkeypatch: pytest.MonkeyPatch, url: str, *, content: bytes = CONTENT, unpack: bool = False
) -> None:
    """Let `mnist` be one file of this server."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    name = "toy.tar.gz" if unpack else "toy.bin"
    held = Source(
        files={} if unpack else {name: digest},
        places=("toy",),
        url="https://example.org/toy",
        downloads={name: Download(url=url, digest=digest, unpack=unpack)},
    )
    monkeypatch.setitem(DATASETS.members, "mnist", lambda: Mnist(published=held))


def test_a_file_is_downloaded_checked_and_not_downloaded_again(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(monkeypatch, f"{shelf}toy.bin")
    Shelf.files = {"toy.bin": CONTENT}
    assert not wanted("mnist", tmp_path)[0].there
    assert fetch("mnist", tmp_path) == [tmp_path / "toy" / "toy.bin"]
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT
    assert fetch("mnist", tmp_path) == [] and Shelf.asked == [None]
    assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == ["toy.bin"]


def test_an_interrupted_download_goes_on_where_it_ended(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(monkeypatch, f"{shelf}toy.bin")
    Shelf.files, Shelf.cut = {"toy.bin": CONTENT}, 1000
    with pytest.raises(FileProblem, match=r"Cannot download .*What has come so far is kept"):
        fetch("mnist", tmp_path)
    assert not (tmp_path / "toy" / "toy.bin").exists()
    assert (tmp_path / "toy" / ".toy.bin.part").stat().st_size == 1000
    Shelf.cut = None
    fetch("mnist", tmp_path)
    assert Shelf.asked == [None, "bytes=1000-"]
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


def test_a_download_that_was_whole_but_not_named_is_named(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(monkeypatch, f"{shelf}toy.bin")
    Shelf.files = {"toy.bin": CONTENT}
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / ".toy.bin.part").write_bytes(CONTENT)
    fetch("mnist", tmp_path)
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


def test_what_is_not_the_published_file_is_removed(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(monkeypatch, f"{shelf}toy.bin")
    Shelf.files = {"toy.bin": CONTENT[:-1] + b"x"}
    with pytest.raises(FileProblem, match=r"has md5 [0-9a-f]{32}, expected is [0-9a-f]{32}"):
        fetch("mnist", tmp_path)
    assert not list((tmp_path / "toy").iterdir())


def test_where_the_network_does_not_answer_it_says_where_to_put_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(monkeypatch, "http://127.0.0.1:9/toy.bin")
    with pytest.raises(FileProblem) as caught:
        fetch("mnist", tmp_path)
    assert f"put it at {tmp_path / 'toy' / 'toy.bin'}" in str(caught.value)
    toy(monkeypatch, "file:///etc/hostname")
    with pytest.raises(FileProblem, match="no address of the web"):
        fetch("mnist", tmp_path)


def archive(files: dict[str, bytes]) -> bytes:
    """A gzipped tar archive."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return held.getvalue()


def test_an_archive_is_unpacked_once_into_the_folder_of_the_set(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = archive({"toy/a.txt": b"a", "./deep/b.txt": b"b"})
    toy(monkeypatch, f"{shelf}toy.tar.gz", content=packed, unpack=True)
    Shelf.files = {"toy.tar.gz": packed}
    assert fetch("mnist", tmp_path) == [tmp_path / "toy"]
    place = tmp_path / "toy"
    assert (place / "a.txt").read_bytes() == b"a"
    assert (place / "deep" / "b.txt").read_bytes() == b"b"
    assert not (place / "toy.tar.gz").exists()
    assert fetch("mnist", tmp_path) == [] and len(Shelf.asked) == 1


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
def test_nothing_is_unpacked_outside_of_the_folder(
    name: str, shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = archive({name: b"x"})
    toy(monkeypatch, f"{shelf}toy.tar.gz", content=packed, unpack=True)
    Shelf.files = {"toy.tar.gz": packed}
    with pytest.raises(FileProblem, match="leads out of its folder"):
        fetch("mnist", tmp_path)
    assert not list(tmp_path.rglob("out.txt"))


def test_zip_archives_are_unpacked_too(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("shd_train.h5", b"spikes")
    content = held.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    downloads = {"one.zip": Download(url=f"{shelf}one.zip", digest=digest, unpack=True)}
    made = Shd(published=Source(files={}, places=("shd",), url="u", downloads=downloads))
    monkeypatch.setitem(DATASETS.members, "shd", lambda: made)
    Shelf.files = {"one.zip": content}
    fetch("shd", tmp_path)
    assert (tmp_path / "shd" / "shd_train.h5").read_bytes() == b"spikes"


def test_what_no_program_can_get_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"fsdd cannot be downloaded by a program; get it from"):
        fetch("fsdd", tmp_path)
    with pytest.raises(SettingError, match="digits needs no files"):
        fetch("digits", tmp_path)


def test_a_pair_lists_the_files_of_both_sets(tmp_path: Path) -> None:
    places = [one.path.name for one in wanted("nmnist-fsdd", tmp_path)]
    assert places == ["Train.zip", "Test.zip", "fsdd"]


def test_the_command_lists_and_fetches(
    shelf: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SPIKEPROOF_DATA", "unused")  # so that what the command sets is undone
    toy(monkeypatch, f"{shelf}toy.bin")
    Shelf.files = {"toy.bin": CONTENT}
    assert run(["data", "fetch", "mnist", "--list", "--data-dir", str(tmp_path)]) == 0
    assert f"{tmp_path / 'toy' / 'toy.bin'}: lacking; " in capsys.readouterr().out
    assert run(["data", "fetch", "mnist", "--data-dir", str(tmp_path)]) == 0
    assert "toy.bin: there; " in capsys.readouterr().out
    monkeypatch.delenv("SPIKEPROOF_DATA")
    assert run(["data", "fetch", "mnist"]) == 1
    assert "--data-dir" in capsys.readouterr().err
