"""`pointsman logs`: what the functions of a local stack log; on AWS it names the command that shows them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from ..command import add_command
from ..exit_codes import CommandError, ExitCode
from ..session import Session

LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLL_SECONDS = 0.5
MAX_READ_BYTES = 1024 * 1024
"""How much of the end of each file is read first."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    add_command(app, "logs")(show_logs)


def show_logs(
    session: Session,
    function: Annotated[
        str | None, typer.Argument(help="A function, such as CreateInstanceFunction; else all.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show what functions have logged, of a stack of `make run` on this machine."""
    folder = _find_folder(session)
    paths = {path.stem: path for path in sorted(folder.glob("*.log")) if function in (None, path.stem)}
    if function is not None and not paths:
        raise CommandError(f"There is no log of {function} in {folder}", ExitCode.NOT_FOUND)
    offsets: dict[str, int] = {}
    # Each line begins with its time.
    found = sorted((line, name) for name, path in paths.items() for line in _read_lines(path, name, offsets))
    for line, name in found[-lines:] if lines else []:
        _print_line(session, name, line)
    while follow:
        time.sleep(POLL_SECONDS)
        for path in sorted(folder.glob("*.log")):
            if function in (None, path.stem):
                for line in _read_lines(path, path.stem, offsets):
                    _print_line(session, path.stem, line)


def _print_line(session: Session, function: str, line: str) -> None:
    if session.output.is_json:
        session.output.print_json({"function": function, "line": line})
    else:
        session.output.print_text(f"{function}  {line}")


def _read_lines(path: Path, name: str, offsets: dict[str, int]) -> Iterator[str]:
    """Read the complete lines that were added since the last time."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = offsets.get(name, max(0, size - MAX_READ_BYTES))
        file.seek(start if start <= size else 0)
        data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        if name not in offsets and start:
            complete = complete.partition(b"\n")[2]
        offsets[name] = file.tell() - len(data) + data.rfind(b"\n") + 1
    yield from complete.decode("utf-8", "replace").split("\n")[:-1]


def _find_folder(session: Session) -> Path:
    """Return the folder of the logs of the local stack at the profile's address."""
    profile = session.profile
    if urlsplit(profile.url).hostname in LOOPBACK:
        try:
            status = httpx.get(f"{profile.url.rstrip('/')}/_local/status", timeout=10, verify=False).json()  # noqa: S501
            folder = Path(status["pointsman"]["data"]) / "logs"
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            raise CommandError(f"No stack of `make run` answers at {profile.url}") from None
        if not folder.is_dir():
            raise CommandError(f"The logs of {profile.url} are in {folder}, which is not here")
        return folder
    raise CommandError(
        "The functions of a deployment log to CloudWatch; in the checkout, with the environment of samconfig.toml: "
        f".venv/sam/bin/sam logs --config-env {profile.name} --tail"
    )
