"""The real Ray, two raylets: whatever is killed, unseen or full, the bytes are of a local run."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spikeproof.base import SpikeproofError
from spikeproof.study import CellsFailed, Plan, Ray, run
from support.processes import alive, children, wait_for
from support.run_files import contents
from tests.cluster.conftest import STORE, fill


def node(cluster: Any) -> Any:
    """Add a raylet with one core."""
    return cluster.add_node(num_cpus=1, object_store_memory=STORE)


def raylet(node: Any) -> int:
    """The process of a node's raylet."""
    (info,) = node.all_processes["raylet"]
    return int(info.process.pid)


def worker(raylets: list[int]) -> int:
    """The process that computes a training."""

    def found() -> list[int]:
        busy = []
        for pid in (pid for one in raylets for pid in children(one)):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::") and b"train" in title:
                busy.append(pid)
        return busy

    wait_for(found, 60)
    return found()[0]


def epochs(folder: Path) -> int:
    """Epochs of the training that are kept."""
    logs = list(folder.glob("cells/*/training.jsonl"))
    return len(logs[0].read_text().splitlines()) if logs else 0


@contextmanager
def running(plan: Plan, folder: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """The plan, run by another process."""
    script = (
        "import pickle, sys\n"
        "from spikeproof.study import run, Ray\n"
        "if __name__ == '__main__':\n"
        "    plan, folder, executor = pickle.load(open(sys.argv[1], 'rb'))\n"
        "    run(plan, folder, executor=executor)\n"
    )
    place = folder.parent / f"{folder.name}-driver"
    place.mkdir()
    (place / "driver.py").write_text(script)
    (place / "work").write_bytes(pickle.dumps((plan, folder, Ray(address=address))))
    command = [sys.executable, str(place / "driver.py"), str(place / "work")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_a_killed_worker_and_then_a_killed_raylet_lose_an_epoch_at_most(
    tmp_path: Path, plan: Plan, whole: Path, cluster: Any
) -> None:
    first, second = node(cluster), node(cluster)
    folder = tmp_path / "run"
    with running(plan, folder, cluster.address) as process:
        wait_for(lambda: epochs(folder) > 0, 90)
        os.kill(worker([raylet(first), raylet(second)]), signal.SIGKILL)
        kept = epochs(folder)
        wait_for(lambda: epochs(folder) > kept, 90)
        again = worker([raylet(first), raylet(second)])
        (home,) = [one for one in (first, second) if again in list(children(raylet(one)))]
        os.kill(raylet(home), signal.SIGKILL)
        assert process.wait(120) == 0, "the run did not survive the loss of a node"
    assert contents(folder / "cells") == contents(whole / "cells")


def test_a_killed_head_is_told_and_the_run_goes_on_with_another(
    tmp_path: Path, plan: Plan, whole: Path, cluster: Any
) -> None:
    node(cluster)
    folder = tmp_path / "run"
    with running(plan, folder, cluster.address) as process:
        wait_for(lambda: epochs(folder) > 0, 90)
        for infos in cluster.head_node.all_processes.values():
            for info in infos:
                if info.process.poll() is None:
                    os.kill(info.process.pid, signal.SIGKILL)
        _, told = process.communicate(timeout=90)
        assert process.returncode == 1
        said = told.decode()
        assert f"Ray at {cluster.address} went away" in said
        assert "what was finished is intact. Run again" in said
    assert run(plan, folder, executor="in-process").complete
    assert contents(folder / "cells") == contents(whole / "cells")


def test_what_a_killed_run_asked_for_ends_with_it(
    tmp_path: Path, plan: Plan, whole: Path, cluster: Any
) -> None:
    raylets = [raylet(node(cluster)) for _ in range(2)]
    folder = tmp_path / "run"
    with running(plan, folder, cluster.address) as process:
        wait_for(lambda: epochs(folder) > 0, 90)
        busy = worker(raylets)
        process.kill()
        process.wait()
        wait_for(lambda: not alive(busy), 60)
    assert run(plan, folder, executor=Ray(address=cluster.address)).complete
    assert contents(folder / "cells") == contents(whole / "cells")


@contextmanager
def blind_node(address: str, hidden: Path) -> Iterator[int]:
    """A raylet that does not see a folder: it lives behind a file system of its own."""
    ray = Path(sys.executable).with_name("ray")
    start = [str(ray), "start", f"--address={address}", "--block", "--num-cpus=1"]
    start += [f"--object-store-memory={STORE}", "--disable-usage-stats"]
    cover = f'mount -t tmpfs -o size=1m tmpfs "{hidden}" && exec "$0" "$@"'
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", cover, "true"], capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"no folder can be hidden from a process here: {tried.stderr.strip()}")
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", cover, *start],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()  # ends the raylet that it started
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_without_a_shared_folder_files_come_back_over_ray_and_a_full_disk_is_told(
    small_disk: Path, plan: Plan, whole: Path, cluster: Any
) -> None:
    folder = small_disk / "run"
    with blind_node(cluster.address, small_disk):
        ballast = small_disk / "ballast"

        def full(at: Any) -> None:
            if not at.title:  # at the start, after the folder was made ready
                fill(ballast)

        with pytest.raises((CellsFailed, SpikeproofError)) as failed:
            run(plan, folder, executor=Ray(address=cluster.address), progress=full)
        assert "No space left on device" in str(failed.value)
        ballast.unlink()
        begun = time.monotonic()
        assert run(plan, folder, executor=Ray(address=cluster.address)).complete
        assert time.monotonic() - begun < 90
    assert contents(folder / "cells") == contents(whole / "cells")
    assert not list(folder.glob(".shared-*"))
    shutil.rmtree(folder)
