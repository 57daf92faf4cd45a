"""A Slurm and a Ray of this one machine, a study to give them, and its bytes from a local run."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spikeproof.study import Plan, run
from support.tiny_study import make_plan
from tests.cluster import one_node

ROOT = Path(__file__).resolve().parents[2]
STORE = 100 * 2**20  # bytes of shared memory of a raylet
ASKED = bool(os.environ.get("SPIKEPROOF_CLUSTER"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real engines take minutes: only `make test-cluster` asks for them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            if not ASKED:
                item.add_marker(pytest.mark.skip(reason="real engines: make test-cluster"))


@pytest.fixture(scope="session")
def plan() -> Plan:
    """One network whose training lasts long enough to be killed, its ladder, probe and checks."""
    tiny = make_plan()
    (data,) = tiny.data
    data = dataclasses.replace(data, epochs=25, threats=("linf",))
    return dataclasses.replace(tiny, data=(data,), training=tiny.training[:1], items=4)


@pytest.fixture(scope="session")
def whole(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan, run on this machine alone; do not change the folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(plan, folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def slurm() -> Iterator[one_node.OneNode]:
    """A Slurm of one node and two cores, down at the end."""
    if (reason := one_node.lacking()) is not None:
        pytest.skip(f"no Slurm here: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path must be short
    node = one_node.OneNode(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SLURM_CONF", "PATH"):
            patch.setenv(name, node.environment[name])
        patch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests'}")
        node.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        try:
            node.start()
        except (RuntimeError, TimeoutError, OSError) as problem:
            node.stop()
            pytest.skip(f"no Slurm here: {problem}")
        yield node
        node.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head of Ray without cores for cells; tests add nodes. Down at the end, by process id."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: make test-cluster installs it in .venv-cluster")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests'}")
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
    monkeypatch.setenv("RAY_health_check_period_ms", "500")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "3")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False},
    )
    yield cluster
    cluster.shutdown()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few mebibytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as stream:
        for size in (4096, 1):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue
