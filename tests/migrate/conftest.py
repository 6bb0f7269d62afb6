from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.lifecycle.legacy_migration import migrate
from tests.migrate.legacy_databases import ENVIRONMENT, PROJECT, create_databases, empty_database


@pytest.fixture(scope="session")
def database_urls(stack: Stack) -> Iterator[list[str]]:
    """Two databases for all tests: creating one takes longer than most tests."""
    with create_databases(stack.database_url, 2) as urls:
        yield urls


@pytest.fixture
def railway_simulator(monkeypatch: pytest.MonkeyPatch, simulator: SimulatorClient) -> SimulatorClient:
    """The simulated Railway, which Railway's settings lead to."""
    settings = {
        "RAILWAY_API_URL": simulator.base_urls.railway,
        "RAILWAY_API_TOKEN": "sim-railway-key",
        "RAILWAY_PROJECT_ID": PROJECT,
        "RAILWAY_ENVIRONMENT_ID": ENVIRONMENT,
        "RAILWAY_TIMEOUT_SECONDS": "5",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return simulator


@dataclass
class Migration:
    """Databases of a test's own, `services` and `pool`; calling it migrates them."""

    services: str
    pool: str
    migrate_function: Callable[[bool], dict[str, Any]]

    def __call__(self, *, drop: bool = False) -> dict[str, Any]:
        return self.migrate_function(drop)


@pytest.fixture
def services_migration(database_urls: list[str], monkeypatch: pytest.MonkeyPatch) -> Migration:
    """A migration without a pool and without Railway."""
    for name in ("DATABASE_URL", "POOL_DATABASE_URL", "RAILWAY_API_TOKEN", "RAILWAY_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    services = empty_database(database_urls[0])
    monkeypatch.setenv("SERVICE_DATABASE_URL", services)
    return Migration(services, "", migrate)


@pytest.fixture
def pool_migration(
    services_migration: Migration,
    database_urls: list[str],
    railway_simulator: SimulatorClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Migration:
    """A migration with a pool and Railway."""
    pool = empty_database(database_urls[1])
    monkeypatch.setenv("POOL_DATABASE_URL", pool)
    return Migration(services_migration.services, pool, migrate)
