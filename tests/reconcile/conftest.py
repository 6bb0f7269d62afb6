from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.reconcile.strays import OrphanHarness, open_harness
from tests.workflow.helpers import Database


@pytest.fixture
def harness(
    stack: Stack, simulator: SimulatorClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OrphanHarness]:
    yield from open_harness(stack, simulator, db, monkeypatch)
