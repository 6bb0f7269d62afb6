"""Root folders for a runner: none of them holds a developer's `.env`, which `local run` would read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .paths import CHECKOUT

FIXTURE = CHECKOUT / "tests" / "local" / "fixture"
"""A small bundle for the tests of the runner."""

_BUNDLE = ("template.yaml", "functions", "layers", "statemachines")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that every user may enter, as the embedded Postgres has to; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pointsman-test-"))
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_checkout() -> Iterator[Path]:
    """A copy of the fixture's bundle in a temporary folder."""
    with temporary_folder() as folder:
        shutil.copytree(FIXTURE, folder / "checkout", ignore=shutil.ignore_patterns("__pycache__"))
        yield folder / "checkout"


def link_checkout(root: Path, *, without: str = "") -> Path:
    """Link what a runner reads of the checkout into `root`, but for one entry; returns `root`."""
    for name in _BUNDLE:
        if name != without:
            (root / name).symlink_to(CHECKOUT / name)
    return root
