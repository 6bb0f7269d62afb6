"""PgBouncer in transaction mode, in front of a database of the stack's Postgres."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from .wait import wait_until

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
"""The installed PgBouncer; None if there is none."""

_UNPRIVILEGED_USER = "nobody"


@contextmanager
def run_pgbouncer(database_url: str, pool_size: int) -> Generator[str]:
    """Run PgBouncer on a free port.

    Args:
        database_url: the database that it leads to, with the password.
        pool_size: how many connections to Postgres it may have.

    Yields:
        The database's address at the pooler.
    """
    assert PROGRAM is not None
    parts = urlsplit(database_url)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # Not pytest's folder, which the unprivileged user cannot enter.
    with tempfile.TemporaryDirectory(prefix="pointsman-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n{parts.path[1:]} = host={parts.hostname} port={parts.port} user={parts.username}"
            f" password={parts.password} pool_size={pool_size}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\nmax_client_conn = 500\n"
        )
        if os.geteuid() == 0:
            with configuration.open("a") as file:
                file.write(f"user = {_UNPRIVILEGED_USER}\n")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([PROGRAM, str(configuration)], stdout=log, stderr=log, cwd="/")
        url = database_url.replace(f":{parts.port}/", f":{port}/")

        def is_ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2, sslmode="disable"):
                return True
            return False

        try:
            wait_until(is_ready, 20, "PgBouncer")
            yield url
        finally:
            process.terminate()
            process.wait(20)
