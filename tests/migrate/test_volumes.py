"""Volumes that the pool did not store, completed from Railway's listing."""

import pytest

from local.simulator.client import SimulatorClient
from local.simulator.http.messages import as_obj
from pointsman.errors import MigrationFailed
from pointsman.providers import railway as provider
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import create_pool_table, dump_database, fetch_rows, insert_rows, pool_row


def fetch_volume_ids(pool_migration: Migration) -> dict[str, str | None]:
    found = fetch_rows(pool_migration.services, "SELECT instance_id, volume_id FROM instance_infra")
    return {row["instance_id"]: row["volume_id"] for row in found}


def simulator_volumes(simulator: SimulatorClient) -> dict[str, str]:
    """Return the simulator's volume ids by service id."""
    mounted = as_obj(as_obj(simulator.get_state()["railway"])["volume_instances"]).values()
    return {str(as_obj(volume)["service_id"]): str(as_obj(volume)["volume_id"]) for volume in mounted}


def count_volume_pages(simulator: SimulatorClient) -> int:
    return sum("volumeInstances" in str(call.body) for call in simulator.list_calls())


def test_missing_volumes_are_completed_over_several_pages(
    pool_migration: Migration, railway_simulator: SimulatorClient
) -> None:
    railway_simulator.update_config({"railway": {"page_max": 3}})
    services = railway_simulator.seed_services(7)
    bare = railway_simulator.seed_services(1, prefix="bare-", bare=True)
    create_pool_table(pool_migration.pool)
    for number, service in enumerate([*services, *bare]):
        volume_id = "kept" if number == 0 else None
        insert_rows(pool_migration.pool, "instances", pool_row(f"i{number}", service_id=service, volume_id=volume_id))
    report = pool_migration()
    assert report["backfilled"] == {"instances": 8, "tools": 16, "volumesCompleted": 6, "withoutVolume": 1}
    volume_ids = simulator_volumes(railway_simulator)
    expected = {f"i{number}": volume_ids[service] for number, service in enumerate(services)}
    assert fetch_volume_ids(pool_migration) == {**expected, "i0": "kept", "i7": None}
    assert count_volume_pages(railway_simulator) == 3


def test_railway_is_not_called_when_no_volume_is_missing(
    pool_migration: Migration, railway_simulator: SimulatorClient
) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), pool_row("b", service_id=None, volume_id=None))
    pool_migration()
    assert railway_simulator.list_calls() == []


@pytest.mark.parametrize("order", [("/cache", "/data"), ("/data", "/cache")])
def test_the_volume_at_data_takes_precedence(
    pool_migration: Migration, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    """The simulator, like Railway today, attaches one volume to a service."""
    several = [provider.Volume(path, service, path) for service in ("service-a", None, "service-b") for path in order]
    monkeypatch.setattr(provider.RailwayClient, "list_volumes", lambda _self: iter(several))
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", *(pool_row(name, volume_id=None) for name in "ab"))
    pool_migration()
    assert fetch_volume_ids(pool_migration) == {"a": "/data", "b": "/data"}


def test_a_volume_at_another_path_is_used(pool_migration: Migration, railway_simulator: SimulatorClient) -> None:
    [service] = railway_simulator.seed_services(1, bare=True)
    volume_id = provider.get_client().create_volume(service, "/elsewhere")
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a", service_id=service, volume_id=None))
    pool_migration()
    assert fetch_volume_ids(pool_migration) == {"a": volume_id}


@pytest.mark.parametrize("after", [0, 1], ids=["first page", "second page"])
def test_an_incomplete_listing_fails_the_backfill(
    pool_migration: Migration, railway_simulator: SimulatorClient, after: int
) -> None:
    railway_simulator.update_config({"railway": {"page_max": 2}})
    services = railway_simulator.seed_services(5)
    create_pool_table(pool_migration.pool)
    for service in services:
        insert_rows(pool_migration.pool, "instances", pool_row(service, service_id=service, volume_id=None))
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    railway_simulator.inject_fault("railway", "*", "server_error", times=None, after=after, match="volumeInstances")
    expected = "^The backfill failed; both databases are as they were: railway volumeInstances: HTTP 500"
    with pytest.raises(MigrationFailed, match=expected):
        pool_migration()
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before
    railway_simulator.clear_faults()
    assert pool_migration()["backfilled"]["volumesCompleted"] == 5
