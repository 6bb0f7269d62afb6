"""The embedded Postgres: a child process on a free loopback port, with a cluster that is kept between runs."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from local.errors import RunnerError
from local.postgres.location import PostgresLocation, find_location
from local.processes.revival import Revival
from local.processes.supervisor import Supervisor, end_process

USER = "postgres"
DATABASE = "postgres"
_READY_TIMEOUT = 30.0
# fsync, full_page_writes: without them data is lost only if the operating system crashes, not if a process is killed.
_SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def _ignore(_: object) -> None:
    pass


class PostgresServer:
    """One embedded server.

    Args:
        data: The runner's data folder.
        supervisor: Ends the server if the runner dies.
        report: Prints a warning on the console.
        give_up: Told once why the server, which has ended by itself, is not started again.
    """

    def __init__(
        self,
        data: Path,
        supervisor: Supervisor,
        report: Callable[[str], None] = _ignore,
        give_up: Callable[[RunnerError], None] = _ignore,
    ) -> None:
        self._data = data
        self._supervisor = supervisor
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._revival = Revival("Postgres", self._start_again, self._explain_end, report, give_up)
        self.location: PostgresLocation | None = None
        self.url = ""
        """Address with the password, `postgresql://…`; empty until started."""

    @property
    def pid(self) -> int | None:
        """Pid of the postmaster while it runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> str:
        """Create the cluster if there is none, start the server, and wait until it accepts connections.

        Until `stop` it is started again at the same address whenever it ends.

        Returns:
            Address of the database, with its password.

        Raises:
            RunnerError: The cluster cannot be created, or the server does not start; the message names the log.
        """
        self.location = location = await asyncio.to_thread(find_location, self._data)
        for leftover in location.abandoned_folders:
            await _stop_stale_server(leftover / "postgres")
            await asyncio.to_thread(shutil.rmtree, leftover, ignore_errors=True)
            leftover.with_suffix(".origin").unlink(missing_ok=True)
        await asyncio.to_thread(_create_cluster, location)
        await _stop_stale_server(location.cluster)
        for _ in range(3):
            # Another program can bind the port before the server does.
            self._port = _find_free_port(self._read_last_port())
            process = await self._launch(location)
            if process.poll() is None:
                break
        else:
            raise RunnerError(
                f"the embedded Postgres does not start: {_read_last_line(self._log_path)} (see {self._log_path})"
            )
        password = (location.folder / "postgres.password").read_text(encoding="utf-8").strip()
        self.url = f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/{DATABASE}"
        self._revival.watch(process)
        return self.url

    async def stop(self) -> None:
        """Stop the server by a fast shutdown, which ends all connections."""
        await self._revival.release()
        if self._process is None:
            return
        await end_process(self._process, (signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))
        self._supervisor.unregister(self._process)
        self._process = None

    @property
    def _log_path(self) -> Path:
        return self._data / "logs" / "postgres.log"

    @property
    def _port_file(self) -> Path:
        return self._data / "postgres.port"

    def _read_last_port(self) -> int:
        lines = _read_lines(self._port_file)
        return int(lines[0]) if lines and lines[0].strip().isdecimal() else 0

    async def _launch(self, location: PostgresLocation) -> subprocess.Popen[bytes]:
        """Start the server and wait until it accepts connections; one that does not is ended."""
        arguments = [str(location.binaries / "postgres"), "-D", str(location.cluster), "-p", str(self._port)]
        for name, value in _SERVER_OPTIONS.items():
            arguments += ["-c", f"{name}={value}"]
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            process = self._process = self._supervisor.spawn(
                arguments,
                env=_build_environment(),
                cwd=Path("/"),
                stdout=log.fileno(),
                end_signal=signal.SIGINT,
                account=location.account,
            )
        deadline = time.monotonic() + _READY_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            if _is_ready(location.cluster, process.pid):
                self._port_file.write_text(f"{self._port}\n", encoding="utf-8")
                return process
            await asyncio.sleep(0.02)
        await end_process(process, (signal.SIGQUIT, 5.0))
        self._supervisor.unregister(process)
        return process

    async def _start_again(self) -> subprocess.Popen[bytes]:
        assert self.location is not None
        assert self._process is not None
        self._supervisor.unregister(self._process)
        # A new cluster would be empty, and have another password than the address that the functions have.
        if not self.location.cluster.is_dir():
            raise RunnerError(
                f"Postgres has ended, for its folder {self.location.cluster} has been removed:"
                " start again, with an empty database"
            )
        await _stop_stale_server(self.location.cluster)
        return await self._launch(self.location)

    def _explain_end(self) -> str:
        assert self.location is not None
        return (
            f"{_read_last_line(self._log_path)} (see {self._log_path}); make room on disk and in memory and start"
            f" again, remove {self.location.cluster} to begin with an empty database, or set SERVICE_DATABASE_URL"
        )


def _build_environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _create_cluster(location: PostgresLocation) -> None:
    """Run initdb in a staging folder and rename that, so that an interrupted initdb leaves no half-made cluster."""
    if location.cluster.exists():
        return
    staging_folder = location.folder / "postgres.new"
    shutil.rmtree(staging_folder, ignore_errors=True)
    password_file = location.folder / "postgres.password"
    with contextlib.suppress(FileNotFoundError):
        password_file.unlink()
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(16) + "\n")
    location.chown(password_file)
    result = subprocess.run(
        [
            str(location.binaries / "initdb"),
            "-D",
            str(staging_folder),
            "-U",
            USER,
            f"--pwfile={password_file}",
            "-A",
            "scram-sha-256",
            "--no-sync",
            "--no-instructions",
            "-E",
            "UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            # Thousands of iterations protect guessable passwords; this one is 128 random bits.
            "-c",
            "scram_iterations=1",
        ],
        env=_build_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        user=location.account.uid,
        group=location.account.gid,
        extra_groups=location.account.extra_groups,
    )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["initdb failed"]
        raise RunnerError(f"the embedded Postgres cannot be made in {location.folder}: {lines[-1]}")
    staging_folder.rename(location.cluster)


async def _stop_stale_server(cluster: Path) -> None:
    """Stop a postmaster of this cluster that outlived its runner, and no other process."""
    pid_file = cluster / "postmaster.pid"
    lines = _read_lines(pid_file)
    if not lines or not lines[0].strip().isdecimal():
        return
    try:
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE:
            await _wait_until_reaped(process, 10.0)
            return
        is_ours = _is_postmaster_of(process, cluster)
    except psutil.Error:
        return
    if not is_ours:
        # The pid was reused by another program, which Postgres would take for a running server.
        pid_file.unlink(missing_ok=True)
        return
    for number, seconds in ((signal.SIGINT, 10.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if await _wait_until_reaped(process, seconds):
            return


async def _wait_until_reaped(process: psutil.Process, timeout: float) -> bool:
    """Wait until a process is reaped; until then Postgres treats its pid file as that of a running server."""
    deadline = time.monotonic() + timeout
    while process.is_running():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _is_postmaster_of(process: psutil.Process, cluster: Path) -> bool:
    command = process.cmdline()
    return bool(command) and Path(command[0]).name == "postgres" and str(cluster) in command


def _is_ready(cluster: Path, pid: int) -> bool:
    lines = _read_lines(cluster / "postmaster.pid")
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _read_last_line(path: Path) -> str:
    lines = [line for line in _read_lines(path) if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


def _find_free_port(preferred_port: int) -> int:
    """Return the preferred port, the one of the last run, if it is free, else another one."""
    for port in (preferred_port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise RunnerError("no free port is left on 127.0.0.1")
