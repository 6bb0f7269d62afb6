"""The fleet's limits: instances, spending caps, and many destroys in a short time; exact, also in races."""

from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.actor import Actor, set_actor
from pointsman.db import operations
from pointsman.db.connection import Connection, run_in_transaction
from pointsman.errors import DestroysHeld, FleetLimitReached, InvalidSetting
from pointsman.lifecycle import commands, fleet_limits
from pointsman.lifecycle.operation_executions import insert_operation
from pointsman.settings.fleet_limits import DestroyHold, FleetLimits
from tests.harness.background import run_concurrently
from tests.harness.database import Database, connect, reset_fleet_tables
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, insert_instance, new_instance_id
from tests.harness.step_functions import create_idle_state_machine

CALLERS = 50


@pytest.fixture(autouse=True)
def settings(
    stack: Stack, simulator: SimulatorClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """No instances and no limits, in this process; executions of operations do nothing, so that all stay running."""
    reset_fleet_tables(db)
    idle = create_idle_state_machine(stack)
    machines = {f"{kind}_STATE_MACHINE_ARN": idle for kind in ("CREATE", "DESTROY", "PROVISION")}
    unlimited = {"FLEET_MAX_INSTANCES": "0", "FLEET_MAX_SPEND_USD": "0", "DESTROY_HOLD_COUNT": "0"}
    environment = {**function_environment(stack, "CreateInstanceFunction"), **machines, **unlimited}
    with use_environment(monkeypatch, environment):
        set_actor(Actor("key", unique_id("caller-")))
        yield monkeypatch
        set_actor(None)
    reset_fleet_tables(db)


def start_create(tools: list[str] | None = None) -> str:
    instance_id = new_instance_id()
    commands.start_create(None, instance_id, f"convos-agent-{instance_id}", tools or [])
    return instance_id


def insert_key(db: Database, instance_id: str, meta: str = "{}") -> None:
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key)"
        " VALUES (%s, 'openrouter', %s, %s, 'K')",
        (instance_id, instance_id, meta),
    )


def end_operations(db: Database, status: str) -> None:
    db.execute("UPDATE operations SET status = %s WHERE status = 'running'", (status,))


def run_in_transactions(stack: Stack, functions: list[Callable[[Connection], object]]) -> list[bool]:
    """Run each in a transaction of its own session, all at the same moment; whether each was not refused."""
    sessions = [connect(stack.database_url) for _ in functions]

    def run(session: Database, function: Callable[[Connection], object]) -> bool:
        try:
            with session.transaction():
                function(session)
        except (FleetLimitReached, DestroysHeld):
            return False
        return True

    try:
        calls = [partial(run, *pair) for pair in zip(sessions, functions, strict=True)]
        return run_concurrently(*calls)
    finally:
        for session in sessions:
            session.close()


def test_a_create_over_the_limit_is_refused_and_says_what_to_do(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("FLEET_MAX_INSTANCES", "3")
    existing = insert_instance(db)
    start_create()
    leaked = start_create()
    db.execute("UPDATE operations SET status = 'leaked' WHERE instance_id = %s", (leaked,))
    with pytest.raises(FleetLimitReached) as refused:
        start_create()
    assert (refused.value.status, refused.value.code) == (409, "FLEET_LIMIT")
    assert refused.value.details == {"limit": "FLEET_MAX_INSTANCES", "allowed": 3, "present": 3}
    assert refused.value.message == (
        "The fleet has 3 instances, and FLEET_MAX_INSTANCES allows 3: destroy what is not needed, or raise"
        " FLEET_MAX_INSTANCES"
    )
    db.execute("DELETE FROM instance_infra WHERE instance_id = %s", (existing,))
    start_create()


def test_a_repeated_create_joins_although_the_fleet_is_full(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("FLEET_MAX_INSTANCES", "1")
    instance_id = start_create()
    commands.start_create(None, instance_id, f"convos-agent-{instance_id}", [])
    with pytest.raises(FleetLimitReached):
        start_create()


def test_the_sum_of_caps_counts_what_lives_runs_and_is_left(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("FLEET_MAX_SPEND_USD", "110")
    settings.setenv("OPENROUTER_KEY_LIMIT", "20")
    living, unknown = insert_instance(db), insert_instance(db)
    insert_key(db, living, '{"limit": "7.5"}')
    insert_key(db, unknown)  # No cap is recorded: it has that of the settings. 27.5
    start_create(["openrouter", "agentmail"])  # 47.5
    start_create()  # Without a key.
    commands.start_provision(None, insert_instance(db), "openrouter", 42.5)  # 90
    start_create(["openrouter"])  # 110
    for attempt in (partial(start_create, ["openrouter"]), partial(commands.start_provision, None, living, "telnyx")):
        if attempt.func is start_create:
            with pytest.raises(FleetLimitReached) as refused:
                attempt()
            assert refused.value.details == {"limit": "FLEET_MAX_SPEND_USD", "allowed": 110, "present": 110}
        else:
            attempt()  # It spends nothing.
    with pytest.raises(FleetLimitReached):
        commands.start_provision(None, insert_instance(db), "openrouter", 0.01)
    commands.start_provision(None, insert_instance(db), "openrouter", 0)
    end_operations(db, "leaked")
    with pytest.raises(FleetLimitReached):
        start_create(["openrouter"])
    end_operations(db, "failed")
    db.execute("UPDATE operations SET status = 'failed' WHERE status = 'leaked'")
    start_create(["openrouter"])


def test_the_cap_of_a_created_key_is_recorded(api: httpx.Client, db: Database) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    row = db.execute(
        "SELECT resource_meta->>'limit' AS cap FROM instance_services WHERE instance_id = %s", (body["instanceId"],)
    ).fetchone()
    assert row == {"cap": "20"}
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_of_fifty_creates_at_once_exactly_as_many_pass_as_there_is_room(
    stack: Stack, settings: pytest.MonkeyPatch, db: Database
) -> None:
    settings.setenv("FLEET_MAX_INSTANCES", "17")
    for _ in range(5):
        insert_instance(db)

    def create(instance_id: str, session: Connection) -> None:
        fleet_limits.require_room(session, instance_id, cap=None)
        insert_operation(session, "create", instance_id, {"name": instance_id, "tools": []})

    passed = run_in_transactions(stack, [partial(create, new_instance_id()) for _ in range(CALLERS)])
    assert passed.count(True) == 12


@pytest.mark.limit("fleet-spend")
def test_of_fifty_creates_at_once_the_caps_never_exceed_the_limit(
    stack: Stack, settings: pytest.MonkeyPatch, db: Database
) -> None:
    settings.setenv("FLEET_MAX_SPEND_USD", "130")

    def create(instance_id: str, session: Connection) -> None:
        fleet_limits.require_room(session, instance_id, cap=20)
        insert_operation(session, "create", instance_id, {"name": instance_id, "tools": ["openrouter"]})

    passed = run_in_transactions(stack, [partial(create, new_instance_id()) for _ in range(CALLERS)])
    assert passed.count(True) == 6


# Destroys


def destroy(instance_id: str, *, confirmed: bool = False) -> None:
    commands.start_destroy(None, instance_id, confirmed=confirmed)


def test_destroys_over_the_limit_are_held_and_a_confirmed_one_is_not(
    settings: pytest.MonkeyPatch, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "3")
    for _ in range(3):
        destroy(insert_instance(db))
    held = insert_instance(db)
    with pytest.raises(DestroysHeld) as error:
        destroy(held)
    assert (error.value.status, error.value.code) == (409, "DESTROYS_HELD")
    assert error.value.details == {"recent": 3, "allowed": 3, "minutes": 10}
    assert f"Confirm-Destroy: {held}" in error.value.message
    assert '"DestroysHeld": 1' in capsys.readouterr().out
    assert run_in_transaction(operations.find_running, held) is None
    destroy(held, confirmed=True)


def test_a_repeated_destroy_counts_once_and_is_never_held(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "2")
    first = insert_instance(db)
    for _ in range(3):
        destroy(first)
        destroy(first)  # It joins.
        db.execute("UPDATE operations SET status = 'leaked' WHERE instance_id = %s", (first,))
    destroy(insert_instance(db))
    with pytest.raises(DestroysHeld):
        destroy(insert_instance(db))
    db.execute("UPDATE operations SET status = 'leaked' WHERE instance_id = %s", (first,))
    destroy(first)


def test_confirmed_destroys_do_not_count(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "2")
    for _ in range(5):
        destroy(insert_instance(db), confirmed=True)
    destroy(insert_instance(db))
    destroy(insert_instance(db))
    with pytest.raises(DestroysHeld):
        destroy(insert_instance(db))


def test_one_callers_destroys_do_not_hold_anothers(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "1")
    destroy(insert_instance(db))
    with pytest.raises(DestroysHeld):
        destroy(insert_instance(db))
    set_actor(Actor("key", unique_id("caller-")))
    destroy(insert_instance(db))


def age_destroys(db: Database, minutes: float) -> None:
    db.execute("UPDATE operations SET created_at = created_at - make_interval(secs => %s)", (minutes * 60,))


def test_a_loop_that_repeats_its_destroys_stays_held_until_it_is_quiet(
    settings: pytest.MonkeyPatch, db: Database
) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "2")
    for _ in range(2):
        destroy(insert_instance(db))
    waiting = insert_instance(db)
    with pytest.raises(DestroysHeld):
        destroy(waiting)
    age_destroys(db, 11)
    with pytest.raises(DestroysHeld, match="Held: 0 instances"):
        destroy(waiting)
    db.execute("UPDATE destroy_holds SET held_at = held_at - interval '11 minutes'")
    destroy(waiting)


def test_without_a_held_one_the_window_slides(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "2")
    settings.setenv("DESTROY_HOLD_MINUTES", "5")
    destroy(insert_instance(db))
    age_destroys(db, 4)
    destroy(insert_instance(db))
    age_destroys(db, 2)
    destroy(insert_instance(db))
    with pytest.raises(DestroysHeld):
        destroy(insert_instance(db))


def test_another_limit_ends_the_hold(settings: pytest.MonkeyPatch, db: Database) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "1")
    destroy(insert_instance(db))
    with pytest.raises(DestroysHeld):
        destroy(insert_instance(db))
    settings.setenv("DESTROY_HOLD_COUNT", "3")
    destroy(insert_instance(db))
    settings.setenv("DESTROY_HOLD_COUNT", "0")
    destroy(insert_instance(db))


def test_of_fifty_destroys_at_once_exactly_the_limit_passes(
    stack: Stack, settings: pytest.MonkeyPatch, db: Database
) -> None:
    settings.setenv("DESTROY_HOLD_COUNT", "20")

    def begin_destroy(instance_id: str, session: Connection) -> None:
        fleet_limits.require_no_hold(session, instance_id)
        insert_operation(session, "destroy", instance_id, {"tools": []})

    passed = run_in_transactions(stack, [partial(begin_destroy, new_instance_id()) for _ in range(CALLERS)])
    assert passed.count(True) == 20


@pytest.mark.parametrize("header", ["other", "true", "", None])
def test_another_header_than_the_instances_id_confirms_nothing(
    api: httpx.Client, simulator: SimulatorClient, header: str | None
) -> None:
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    headers = {} if header is None else {"Confirm-Destroy": header}
    assert api.delete(f"/destroy/{body['instanceId']}", headers=headers).status_code == 200
    newest = api.get("/audit", params={"target": body["instanceId"], "limit": "1"}).json()["entries"][0]
    assert (newest["action"], newest["details"]) == ("instance.destroy", {"tools": []})


def test_a_confirmed_destroy_is_told_in_the_audit_log(api: httpx.Client, simulator: SimulatorClient) -> None:
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    headers = {"Confirm-Destroy": body["instanceId"]}
    assert api.delete(f"/destroy/{body['instanceId']}", headers=headers).status_code == 200
    newest = api.get("/audit", params={"target": body["instanceId"], "limit": "1"}).json()["entries"][0]
    assert (newest["action"], newest["details"]) == ("instance.destroy", {"confirmed": "true", "tools": []})


def test_defaults_and_wrong_settings(settings: pytest.MonkeyPatch) -> None:
    for name in ("FLEET_MAX_INSTANCES", "FLEET_MAX_SPEND_USD", "DESTROY_HOLD_COUNT", "OPENROUTER_KEY_LIMIT"):
        settings.delenv(name, raising=False)
    assert FleetLimits.load() == FleetLimits(max_instances=1000, max_spend=25_000, default_cap=20)
    assert DestroyHold.load() == DestroyHold(max_count=20, seconds=600)
    settings.setenv("FLEET_MAX_INSTANCES", "many")
    with pytest.raises(InvalidSetting, match="FLEET_MAX_INSTANCES"):
        FleetLimits.load()
