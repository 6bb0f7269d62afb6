from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.reconcile.orphan_harness import OrphanHarness, open_harness


@pytest.fixture
def harness(
    stack: Stack, simulator: SimulatorClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OrphanHarness]:
    yield from open_harness(stack, simulator, db, monkeypatch)
