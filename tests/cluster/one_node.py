"""A Slurm of one node, this machine: munged, slurmctld and slurmd in a folder of their own.

For a container without a service manager. ``python tests/cluster/one_node.py FOLDER`` starts one,
prints the environment that its commands need, and takes it down at the end of its standard input.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

_NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
_CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
JobRequeue=1
KillWait=5
MailProg=/bin/true
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacking() -> str | None:
    """Why no Slurm can be started here; None where one can."""
    absent = [name for name in _NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed: scripts/setup-cluster, as root on Debian"
    if os.geteuid() != 0:
        return "slurmd starts jobs as root only"
    return None


class OneNode:
    """Start the three daemons, and end them by their process ids.

    Args:
        folder: For keys, state and logs; its path must be short, as a socket lies in it.
        cpus: How many jobs of one core run at a time.
    """

    def __init__(self, folder: Path, cpus: int = 2) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PATH": _path(), "SLURM_CONF": f"{folder}/slurm.conf"}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir(exist_ok=True)
        settings = {"host": socket.gethostname(), "user": "root", "ports": _free_ports()}
        text = _CONF.format(folder=folder, cpus=cpus, **settings)
        (folder / "slurm.conf").write_text(text)
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        at = self.folder
        files = [f"--{what}-file={at}/munge.{what}" for what in ("key", "pid", "log", "seed")]
        self._start("munged", "--foreground", "--force", f"--socket={at}/munge.sock", *files)
        _wait_for((at / "munge.sock").exists)
        self._start("slurmctld", "-D")
        self._start("slurmd", "-D", "-N", socket.gethostname())
        try:
            _wait_for(lambda: "idle" in self.said("sinfo", "-h", "-o", "%T"))
        except TimeoutError:
            logs = [path.read_text(errors="replace")[-1500:] for path in at.glob("*.log")]
            self.stop()
            raise RuntimeError("\n".join(["Slurm does not come up:", *logs])) from None

    def said(self, *command: str) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return done.stdout + done.stderr

    def stop(self) -> None:
        """End jobs and daemons, by job and process id."""
        ids = self.said("squeue", "-h", "-o", "%A").split()
        if ids and all(id.isdigit() for id in ids):
            self.said("scancel", "--signal=KILL", "--full", *ids)
            self.said("scancel", *ids)
            end = time.monotonic() + 15
            while self.said("squeue", "-h", "-o", "%A").strip() and time.monotonic() < end:
                time.sleep(0.1)
        for daemon in reversed(self.daemons.values()):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
        self.daemons.clear()

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out.log").open("wb") as log:
            self.daemons[name] = subprocess.Popen(
                [name, *arguments], env=self.environment, stdout=log, stderr=log
            )


def _path() -> str:
    """Where commands are looked for; daemons lie in sbin."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _free_ports() -> list[int]:
    """Two ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for(happens: object, seconds: float = 30) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happens():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


if __name__ == "__main__":
    if reason := lacking():
        sys.exit(reason)
    node = OneNode(Path(sys.argv[1]))
    node.start()
    print(f"export SLURM_CONF={node.folder}/slurm.conf", flush=True)
    try:
        sys.stdin.read()
    finally:
        node.stop()
