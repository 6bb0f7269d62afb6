"""requirements/find_python.sh: the template's Python where version managers keep it, and how to get a missing one."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.harness.paths import CHECKOUT

RUNTIME = "python3.99"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a checkout whose template names a Python that no machine has."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "template.yaml").write_text(f"Globals:\n  Function:\n    Runtime: {RUNTIME}\n")
    return Path(shutil.copy(CHECKOUT / "requirements/find_python.sh", tmp_path / "requirements"))


def install_interpreter(path: Path, program: str) -> Path:
    """Put an executable shell script where an interpreter would be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    return path


def find(script: Path, home: Path, *folders: Path) -> "subprocess.CompletedProcess[str]":
    path = ":".join([*map(str, folders), "/usr/bin", "/bin"])
    return subprocess.run(
        ["sh", script], env={"PATH": path, "HOME": str(home)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("folder", [
    ".pyenv/versions/3.99.1/bin",
    ".local/share/uv/python/cpython-3.99.0-linux-x86_64-gnu/bin",
    ".asdf/installs/python/3.99.2/bin",
])  # fmt: skip
def test_it_is_found_behind_a_shim_that_fails(script: Path, tmp_path: Path, folder: str) -> None:
    shim = install_interpreter(tmp_path / "shims" / RUNTIME, "echo 'pyenv: command not found' >&2; exit 127")
    python = install_interpreter(tmp_path / folder / RUNTIME, "exit 0")
    found = find(script, tmp_path, shim.parent)
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{python}\n", "")


def test_one_on_path_that_works_wins(script: Path, tmp_path: Path) -> None:
    install_interpreter(tmp_path / ".pyenv/versions/3.99.1/bin" / RUNTIME, "exit 0")
    python = install_interpreter(tmp_path / "bin" / RUNTIME, "exit 0")
    assert find(script, tmp_path, python.parent).stdout == f"{python}\n"


def test_a_missing_one_is_named_at_once_with_ways_to_get_it(script: Path, tmp_path: Path) -> None:
    shim = install_interpreter(tmp_path / "shims" / RUNTIME, "echo 'pyenv: command not found' >&2; exit 127")
    started_at = time.monotonic()
    found = find(script, tmp_path, shim.parent)
    assert time.monotonic() - started_at < 10
    assert (found.returncode, found.stdout) == (1, "")
    assert "needs Python 3.99 (template.yaml: Runtime)" in found.stderr
    assert f"{shim} does not work: pyenv: command not found" in found.stderr
    for way in (f"apt-get install {RUNTIME} {RUNTIME}-venv", "pyenv install 3.99", "uv python install 3.99"):
        assert way in found.stderr
