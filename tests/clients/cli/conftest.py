"""The command line, as `make cli` installs it, in programs of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.stack.stack import Stack
from tests.clients.cli.program import Program
from tests.harness.ids import unique_id
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the command line; `bin/pointsman` is the program."""
    folder = tmp_path_factory.mktemp("cli") / "venv"
    subprocess.run(
        ["sh", "requirements/cli.sh", sys.executable, folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        timeout=100,
    )
    return folder


@pytest.fixture
def pointsman(installation: Path, stack: Stack, simulator: object, tmp_path: Path) -> Program:
    """The program for a user whom no other test has, with the right key in its environment."""
    credentials = {
        "POINTSMAN_URL": stack.url,
        "POINTSMAN_SERVICES_KEY": API_KEY,
        "POINTSMAN_USER_ID": unique_id("cli-user-"),
    }
    return Program(installation / "bin" / "pointsman", tmp_path, credentials)
