"""What the schedules record for readers: totals over time, spend, decisions about orphans, their own runs; versions."""

import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.errors import MissingSetting
from pointsman.lifecycle.fleet_history import MAX_POINTS
from pointsman.workflows.handlers import RunFailed, scheduled_handler
from tests.harness.artefacts import IS_BUILT
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.function_environment import use_environment
from tests.harness.function_logs import run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.paths import CHECKOUT
from tests.harness.status_poller import insert_instances, run_status_poller

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> Iterator[None]:
    reset_fleet_tables(db)
    for table in ("fleet_history", "orphan_decisions", "orphan_sightings", "schedule_runs"):
        db.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]
    yield
    reset_fleet_tables(db)


def get(api: httpx.Client, path: str, **params: Any) -> dict[str, Any]:
    response = api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


# ---- Totals over time


def insert_points(db: Database, count: int, minutes: int = 5) -> None:
    """Insert points from START on; the n-th has n instances."""
    db.execute(
        "INSERT INTO fleet_history (at, counts) SELECT %s + make_interval(mins => n * %s),"
        " jsonb_build_object('SUCCESS', n) FROM generate_series(0, %s) AS n",
        (START, minutes, count - 1),
    )


def read_points(api: httpx.Client, **params: Any) -> list[tuple[str, dict[str, int]]]:
    page = get(api, "/fleet/history", **params)
    return [(point["at"], {total["status"]: total["count"] for total in point["totals"]}) for point in page["points"]]


def test_the_poller_records_the_totals_once_in_five_minutes(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    services = simulator.seed_services(2, prefix="convos-agent-seed-")
    insert_instances(db, services)
    db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, deploy_status)"
        " VALUES ('odd', 's-odd', 'e', 'sk-or-planted'), ('none', 's-none', 'e', NULL)"
    )
    run_status_poller(stack)
    run_status_poller(stack)
    # The minutes may have changed in between.
    points = read_points(api)
    assert 1 <= len(points) <= 2
    assert points[0][1] == {"SUCCESS": 2, "OTHER": 1, "UNKNOWN": 1}
    assert "planted" not in api.get("/fleet/history").text


def test_a_failed_listing_leaves_a_gap(api: httpx.Client, stack: Stack, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "*", "server_error", times=None)
    assert run_status_poller(stack).result.error
    assert read_points(api) == []


def test_history_is_of_the_last_day_by_default(api: httpx.Client, db: Database) -> None:
    db.execute(
        "INSERT INTO fleet_history (at, counts) VALUES (now() - interval '25 hours', '{\"OLD\": 1}'),"
        ' (now() - interval \'23 hours\', \'{"B": 1, "A": 1, "C": 2}\')'
    )
    page = get(api, "/fleet/history")
    [point] = page["points"]
    assert [total["status"] for total in point["totals"]] == ["C", "A", "B"]
    assert page["stepSeconds"] == 300
    assert datetime.fromisoformat(page["to"]) - datetime.fromisoformat(page["from"]) == timedelta(days=1)


@pytest.mark.limit("history-points")
def test_however_long_the_time_is_it_has_as_many_points_as_were_asked_for(api: httpx.Client, db: Database) -> None:
    insert_points(db, 2 * MAX_POINTS)
    end = START + timedelta(minutes=5 * 2 * MAX_POINTS)
    times = {"from": START.isoformat(), "to": end.isoformat()}
    page = get(api, "/fleet/history", **times, points=MAX_POINTS)
    assert (len(page["points"]), page["stepSeconds"]) == (MAX_POINTS, 600)
    # Each point is the last one of its step.
    assert [point["totals"][0]["count"] for point in page["points"]] == list(range(1, 2 * MAX_POINTS, 2))
    assert len(read_points(api, **times, points=7)) <= 7
    assert read_points(api, **times, points=1)[-1][1] == {"SUCCESS": 2 * MAX_POINTS - 1}
    refused = api.get("/fleet/history", params={"points": MAX_POINTS + 1})
    assert (refused.status_code, refused.json()["error"]) == (400, "points must be a whole number from 1 to 500")


@pytest.mark.parametrize(("params", "says"), [
    ({"points": "0"}, "points must be "), ({"points": "x"}, "points must be "), ({"from": "x"}, "from must be "),
    ({"to": "2026-01-01"}, "to must be "), ({"from": ""}, "from must "),
])  # fmt: skip
def test_what_is_wrong_with_a_time_is_named(api: httpx.Client, params: dict[str, str], says: str) -> None:
    response = api.get("/fleet/history", params=params)
    assert response.status_code == 400
    assert response.json()["error"].startswith(says)


@pytest.mark.parametrize(("start", "end"), [
    ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("2026-01-01T00:00:00+23:59", "2026-01-01T00:00:00Z"),
    ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
])  # fmt: skip
def test_any_time_may_be_asked_for(api: httpx.Client, db: Database, start: str, end: str) -> None:
    insert_points(db, 3)
    assert len(read_points(api, **{"from": start, "to": end}, points=2)) <= 2


# ---- Spend


def test_an_instance_shows_what_its_key_spends_as_the_reconciler_listed_it(
    api: httpx.Client, stack: Stack, db: Database, simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    other = create_request(new_instance_id(), [])
    assert create_instance(api, other).status_code == 200
    db.execute("DELETE FROM key_spend")
    assert get(api, f"/instances/{body['instanceId']}")["spend"] is None
    run_schedule(stack, "ReconcilerFunction")
    shown = {one["instanceId"]: one["spend"] for one in get(api, "/instances")["instances"]}
    spend = shown[body["instanceId"]]
    assert spend.keys() == {"limit", "limitRemaining", "limitReset", "usage", "asOf"}
    assert (spend["limit"], spend["limitRemaining"], spend["usage"]) == (20, 20, 0)
    assert shown[other["instanceId"]] is None
    # What cannot be listed stays as it was; a key that is gone is forgotten.
    simulator.inject_fault("openrouter", "keys.list", "server_error", times=None)
    db.execute("INSERT INTO key_spend (resource_id, seen_at) VALUES ('gone', now())")
    run_schedule(stack, "ReconcilerFunction")
    assert get(api, f"/instances/{body['instanceId']}")["spend"] == spend
    simulator.clear_faults()
    run_schedule(stack, "ReconcilerFunction")
    assert get(api, f"/instances/{body['instanceId']}")["spend"]["asOf"] > spend["asOf"]
    assert db.execute("SELECT FROM key_spend WHERE resource_id = 'gone'").fetchall() == []


# ---- Orphans


def insert_orphan(db: Database, provider: str, decision: str, minutes: int) -> str:
    """Insert a decision about a resource that was first seen so many minutes ago; returns the resource's id."""
    resource_id = unique_id("orphan-")
    db.execute(
        "INSERT INTO orphan_decisions (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision,"
        " reason) VALUES (%s, 'tool', %s, 'convos-agent-x', now() - make_interval(mins => %s), now(), 3, %s, 'why')",
        (provider, resource_id, minutes, decision),
    )
    return resource_id


def list_orphans(api: httpx.Client, **params: Any) -> list[str]:
    found: list[str] = []
    while True:
        page = get(api, "/orphans", **params)
        found += [orphan["resourceId"] for orphan in page["orphans"]]
        if "nextCursor" not in page:
            return found
        params["cursor"] = page["nextCursor"]


def test_orphans_are_listed_by_provider_and_decision_page_by_page(api: httpx.Client, db: Database) -> None:
    key = insert_orphan(db, "openrouter", "reported", 10)
    number = insert_orphan(db, "telnyx", "deleted", 20)
    at_once = {insert_orphan(db, "agentmail", "refused", 30) for _ in range(3)}
    db.execute("UPDATE orphan_decisions SET first_seen = '2026-01-01Z' WHERE provider = 'agentmail'")
    everything = list_orphans(api, limit=1)
    assert everything[:2] == [key, number]
    assert (set(everything[2:]), len(everything)) == (at_once, 5)
    assert list_orphans(api, provider="telnyx") == [number]
    assert list_orphans(api, decision="reported", limit=1) == [key]
    assert list_orphans(api, decision="reported", provider="telnyx") == []
    [shown] = get(api, "/orphans", provider="telnyx")["orphans"]
    assert (shown["kind"], shown["name"], shown["sightings"], shown["reason"]) == ("tool", "convos-agent-x", 3, "why")


# ---- Health


def find_schedule(api: httpx.Client, name: str) -> dict[str, Any]:
    return next(one for one in get(api, "/health/details")["schedules"] if one["name"] == name)


def test_versions_are_those_that_run(api: httpx.Client, db: Database) -> None:
    row = db.execute("SELECT version_num FROM pointsman_schema_version").fetchone()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert row is not None
    versions = get(api, "/health/details")["versions"]
    assert (versions["bundle"], versions["schema"]) == (project["version"], row["version_num"])
    assert re.fullmatch(r"3\.[0-9]+\.[0-9]+", versions["python"])
    # The artefacts run on the template's Python, which may be another one than the tests'.
    assert IS_BUILT or versions["python"] == ".".join(map(str, sys.version_info[:3]))


def test_each_schedule_shows_its_last_run_and_its_last_success(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    never = find_schedule(api, "status_poller")
    assert (never["outcome"], never["startedAt"], never["isOverdue"]) == (None, None, False)
    run_status_poller(stack)
    done = find_schedule(api, "status_poller")
    assert (done["outcome"], done["error"], done["isOverdue"]) == ("succeeded", None, False)
    assert done["startedAt"] <= done["endedAt"] == done["succeededAt"]
    simulator.inject_fault("railway", "*", "server_error", times=None)
    run_status_poller(stack)
    failed = find_schedule(api, "status_poller")
    assert (failed["outcome"], failed["isOverdue"], failed["succeededAt"]) == ("failed", False, done["succeededAt"])
    assert failed["error"].startswith("railway serviceInstances: HTTP 500")
    db.execute("UPDATE schedule_runs SET succeeded_at = succeeded_at - interval '10 minutes'")
    assert find_schedule(api, "status_poller")["isOverdue"]


def test_a_schedule_that_never_ran_is_overdue_as_long_after_the_first_run_of_another(
    api: httpx.Client, stack: Stack, db: Database
) -> None:
    run_status_poller(stack)
    for age, overdue in ((590, []), (610, ["prompt_recovery", "webhook_delivery"])):
        db.execute("UPDATE schedule_runs SET known_since = now() - make_interval(secs => %s)", (age,))
        schedules = get(api, "/health/details")["schedules"]
        assert [schedule["name"] for schedule in schedules if schedule["isOverdue"]] == overdue


def test_a_run_that_a_setting_stops_does_not_name_it(
    api: httpx.Client, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_event: object) -> dict[str, object]:
        raise MissingSetting("RAILWAY_API_TOKEN")

    environment = {"SERVICE_DATABASE_URL": stack.database_url}
    with use_environment(monkeypatch, environment), pytest.raises(RunFailed):
        scheduled_handler("retention", stop)({}, None)
    failed = find_schedule(api, "retention")
    assert failed["outcome"] == "failed"
    assert "RAILWAY" not in failed["error"]


def test_a_dry_run_is_none(api: httpx.Client, stack: Stack) -> None:
    stack.invoke("RetentionFunction", {"id": "x", "dry": True})
    assert find_schedule(api, "retention")["startedAt"] is None


def test_a_run_whose_process_was_killed_counts_as_interrupted(api: httpx.Client, db: Database) -> None:
    db.execute("INSERT INTO schedule_runs (name) VALUES ('reconciler')")
    assert find_schedule(api, "reconciler")["outcome"] == "running"
    db.execute(
        "UPDATE schedule_runs SET started_at = now() - interval '16 minutes', known_since = now() - interval '1 hour'"
    )
    killed = find_schedule(api, "reconciler")
    assert (killed["outcome"], killed["endedAt"], killed["isOverdue"]) == ("interrupted", None, True)


def test_failed_steps_are_counted_for_the_provider_that_they_called(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    db.execute("UPDATE operation_steps SET started_at = started_at - interval '25 hours'")
    assert {one["steps"] for one in get(api, "/health/details")["providers"]} == {0}
    assert create_instance(api, create_request(new_instance_id(), ["openrouter"])).status_code == 200
    simulator.inject_fault("openrouter", "keys.create", "refuse", status=403, message="no more keys", times=None)
    refused = create_instance(api, create_request(new_instance_id(), ["openrouter"]))
    assert refused.status_code == 500
    page = get(api, "/health/details")
    providers = {one["provider"]: one for one in page["providers"]}
    assert page["hours"] == 24
    assert (providers["openrouter"]["steps"], providers["openrouter"]["failed"]) == (2, 1)
    failure = providers["openrouter"]["lastFailure"]
    assert (failure["step"], failure["operationId"]) == ("openrouter", refused.json()["operationId"])
    assert failure["error"]
    # The deploy that found it failed has called nobody.
    assert (providers["railway"]["failed"], providers["railway"]["lastFailure"]) == (0, None)
    assert providers["railway"]["steps"] >= 4
    assert providers["telnyx"] == {"provider": "telnyx", "steps": 0, "failed": 0, "lastFailure": None}
