"""Volumes that the pool did not keep, completed from Railway's list."""

import pytest

from local.simulator.client import SimulatorClient
from local.simulator.wire import as_obj
from pointsman.errors import MigrationFailed
from pointsman.providers import railway as provider
from tests.migrate.conftest import Migration
from tests.migrate.support import dump, insert, pool_row, pool_table, rows


def volumes(both: Migration) -> dict[str, str | None]:
    found = rows(both.services, "SELECT instance_id, volume_id FROM instance_infra")
    return {row["instance_id"]: row["volume_id"] for row in found}


def listed(simulator: SimulatorClient) -> dict[str, str]:
    """The volume of each service, as the simulator knows them."""
    mounted = as_obj(as_obj(simulator.state()["railway"])["volume_instances"]).values()
    return {str(as_obj(one)["service_id"]): str(as_obj(one)["volume_id"]) for one in mounted}


def pages(simulator: SimulatorClient) -> int:
    return sum("volumeInstances" in str(call.body) for call in simulator.calls())


def test_what_is_missing_is_completed_over_several_pages(both: Migration, railway: SimulatorClient) -> None:
    railway.config({"railway": {"page_max": 3}})
    services = railway.seed_services(7)
    bare = railway.seed_services(1, prefix="bare-", bare=True)
    pool_table(both.pool)
    for number, service in enumerate([*services, *bare]):
        volume_id = "kept" if number == 0 else None
        insert(both.pool, "instances", pool_row(f"i{number}", service_id=service, volume_id=volume_id))
    report = both()
    assert report["backfilled"] == {"instances": 8, "tools": 16, "volumesCompleted": 6, "withoutVolume": 1}
    there = listed(railway)
    expected = {f"i{number}": there[service] for number, service in enumerate(services)}
    assert volumes(both) == {**expected, "i0": "kept", "i7": None}
    assert pages(railway) == 3


def test_railway_is_not_asked_when_none_is_missing(both: Migration, railway: SimulatorClient) -> None:
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a"), pool_row("b", service_id=None, volume_id=None))
    both()
    assert railway.calls() == []


@pytest.mark.parametrize("order", [("/cache", "/data"), ("/data", "/cache")])
def test_of_several_the_one_at_data_is_taken(
    both: Migration, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    """The simulator, like Railway today, gives a service one volume only."""
    several = [provider.Volume(path, service, path) for service in ("service-a", None, "service-b") for path in order]
    monkeypatch.setattr(provider.Railway, "list_volumes", lambda _self: iter(several))
    pool_table(both.pool)
    insert(both.pool, "instances", *(pool_row(name, volume_id=None) for name in "ab"))
    both()
    assert volumes(both) == {"a": "/data", "b": "/data"}


def test_one_elsewhere_is_better_than_none(both: Migration, railway: SimulatorClient) -> None:
    [service] = railway.seed_services(1, bare=True)
    made = provider.configured().create_volume(service, "/elsewhere")
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a", service_id=service, volume_id=None))
    both()
    assert volumes(both) == {"a": made}


@pytest.mark.parametrize("after", [0, 1], ids=["first page", "second page"])
def test_a_list_that_cannot_be_read_to_its_end_fails_the_backfill(
    both: Migration, railway: SimulatorClient, after: int
) -> None:
    railway.config({"railway": {"page_max": 2}})
    services = railway.seed_services(5)
    pool_table(both.pool)
    for service in services:
        insert(both.pool, "instances", pool_row(service, service_id=service, volume_id=None))
    before = dump(both.services), dump(both.pool)
    railway.fault("railway", "*", "server_error", times=None, after=after, match="volumeInstances")
    expected = "^The backfill failed; both databases are as they were: railway volumeInstances: HTTP 500"
    with pytest.raises(MigrationFailed, match=expected):
        both()
    assert (dump(both.services), dump(both.pool)) == before
    railway.clear_faults()
    assert both()["backfilled"]["volumesCompleted"] == 5
