from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.support import Running, checkout


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    with checkout() as folder:
        yield folder


@pytest.fixture(scope="session")
def runner(root: Path) -> Iterator[Running]:
    """The fixture's bundle, up for all tests; in a process of its own, for moto keeps its state in the process."""
    shell = {"SERVICES_API_KEY": "test-key", "RAILWAY_PROJECT_ID": "from-shell", "SECRET_OF_SHELL": "x"}
    with Running(root, **shell) as running:
        assert running.url
        yield running
