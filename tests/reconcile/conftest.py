from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.reconcile.strays import Strays, prepared
from tests.workflow.helpers import Database


@pytest.fixture
def strays(stack: Stack, simulator: SimulatorClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strays]:
    yield from prepared(stack, simulator, db, monkeypatch)
