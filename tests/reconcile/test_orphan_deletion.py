"""Deleting orphans: only if configured, only resources unknown at that very moment, and few at a time."""

import psycopg
import pytest

from local.stack.stack import Stack
from pointsman.db import locks
from pointsman.lifecycle import orphan_sweep, provider_inventory
from pointsman.lifecycle.orphan_sweep import sweep_orphans
from tests.harness.background import BackgroundCall, run_in_background
from tests.harness.database import connect, wait_for_blocked_sessions
from tests.harness.simulator import wait_for_call
from tests.reconcile.orphan_harness import OrphanHarness, log_records, run_sweeps

pytestmark = pytest.mark.slow


@pytest.fixture
def deleting_harness(harness: OrphanHarness) -> OrphanHarness:
    harness.set_environment(ORPHANS="delete")
    return harness


def sweep_in_background() -> BackgroundCall[dict[str, str]]:
    return run_in_background(run_sweeps)


def test_nothing_is_deleted_by_default(harness: OrphanHarness) -> None:
    ids = harness.create_one_of_each("stray")
    run_sweeps(6)
    assert harness.existing_ids() >= ids
    assert harness.sightings().keys() == ids


def test_orphans_of_each_provider_are_deleted_with_their_volumes(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = deleting_harness.create_one_of_each("stray")
    live = deleting_harness.create_service("live")
    deleting_harness.insert_instance("live", live)
    assert run_sweeps() == {}
    assert run_sweeps() == dict.fromkeys(ids, "delete")
    assert deleting_harness.existing_ids() == {*live}
    run_sweeps()
    assert deleting_harness.sightings() == {}
    assert len(log_records(caplog, "orphan found")) == 5
    assert len(log_records(caplog, "orphan deleted")) == 4


def test_each_deletion_is_in_the_audit_log_before_and_after_it(deleting_harness: OrphanHarness) -> None:
    service, volume = deleting_harness.create_service("stray")
    key = deleting_harness.create_key("stray")
    run_sweeps(2)
    entries = deleting_harness.db.execute(
        "SELECT actor_kind, target, outcome, details FROM audit_log WHERE action = 'orphan.delete'"
        " AND target = ANY(%s) ORDER BY at",
        ([service, volume, key],),
    ).fetchall()
    for target in (service, key):
        assert [entry["outcome"] for entry in entries if entry["target"] == target] == ["started", "succeeded"]
    assert {entry["actor_kind"] for entry in entries} == {"system"}
    assert [entry["details"]["volumes"] for entry in entries if "volumes" in entry["details"]] == [[volume], []]


def test_deletion_is_logged_first_and_never_on_the_first_sighting(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    key = deleting_harness.create_key("stray")
    run_sweeps()
    assert caplog.records == []
    assert key in deleting_harness.existing_ids()
    run_sweeps()
    assert [record.msg for record in caplog.records] == ["orphan found", "orphan deleted"]


@pytest.mark.parametrize("where", ["row", "created", "intended", "leaked"])
def test_resources_in_a_row_or_an_open_journal_entry_are_no_orphans(
    deleting_harness: OrphanHarness, where: str
) -> None:
    service, key = deleting_harness.create_service("a"), deleting_harness.create_key("a")
    inbox, number = deleting_harness.create_inbox("a"), deleting_harness.create_number("a")
    tools = {"openrouter": key, "agentmail": inbox, "telnyx": number}
    if where == "row":
        deleting_harness.insert_instance("another-name", service, **tools)
    else:
        operation_id = deleting_harness.insert_operation("another-name", "leaked" if where == "leaked" else "failed")
        state = "intended" if where == "intended" else "created"
        for kind, resource_id in zip(("service", "volume"), service, strict=True):
            deleting_harness.insert_journal_entry(operation_id, "railway", kind, state, resource_id)
        for tool_id, resource_id in tools.items():
            deleting_harness.insert_journal_entry(operation_id, tool_id, "tool", state, resource_id)
    run_sweeps(4)
    assert deleting_harness.sightings() == {}
    assert deleting_harness.existing_ids() >= {*service, *tools.values()}


def test_resources_that_an_intent_may_be_creating_are_no_orphans(deleting_harness: OrphanHarness) -> None:
    ids = {
        deleting_harness.create_service("a"),
        (deleting_harness.create_key("b"),),
        (deleting_harness.create_inbox("c"),),
        (deleting_harness.create_number("d"),),
    }
    number = deleting_harness.create_number("e")
    operation_id = deleting_harness.insert_operation("z", "leaked")
    deleting_harness.insert_journal_entry(operation_id, "railway", "service", "intended", name="convos-agent-a")
    deleting_harness.insert_journal_entry(operation_id, "openrouter", "tool", "intended", name="convos-agent-b")
    deleting_harness.insert_journal_entry(
        operation_id, "agentmail", "tool", "intended", client_id="convos-agent-c.op-" + "0" * 32
    )
    deleting_harness.insert_journal_entry(
        operation_id, "telnyx", "tool", "intended", customer_reference="convos-agent-d"
    )
    deleting_harness.insert_journal_entry(operation_id, "telnyx", "volume", "intended", phone_number=number)
    run_sweeps(4)
    assert deleting_harness.sightings() == {}
    assert deleting_harness.existing_ids() >= {resource_id for resource_ids in ids for resource_id in resource_ids} | {
        number
    }
    deleting_harness.db.execute(
        "UPDATE operation_resources SET state = 'refused' WHERE operation_id = %s", (operation_id,)
    )
    run_sweeps(2)
    assert deleting_harness.existing_ids() == set()


def test_resources_of_an_instance_with_a_running_operation_are_no_orphans(deleting_harness: OrphanHarness) -> None:
    ids = deleting_harness.create_one_of_each("busy.with-dots")
    other = deleting_harness.create_key("busy")
    operation_id = deleting_harness.insert_operation("busy.with-dots")
    run_sweeps()
    assert deleting_harness.sightings().keys() == {other}
    deleting_harness.db.execute("UPDATE operations SET status = 'failed' WHERE id = %s", (operation_id,))
    run_sweeps()
    assert deleting_harness.existing_ids() == ids
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_a_running_create_protects_its_service_name(deleting_harness: OrphanHarness) -> None:
    service_id, _ = deleting_harness.create_service("wanted")
    deleting_harness.insert_operation("other-id", name="convos-agent-wanted")
    run_sweeps(4)
    assert service_id in deleting_harness.existing_ids()
    assert deleting_harness.sightings() == {}


def test_a_service_whose_volume_is_in_use_is_kept(deleting_harness: OrphanHarness) -> None:
    service_id, volume_id = deleting_harness.create_service("odd")
    deleting_harness.insert_instance("live", ("another-service", volume_id))
    run_sweeps(4)
    assert deleting_harness.existing_ids() == {service_id, volume_id}


def test_a_service_is_kept_until_its_volume_has_as_many_sightings(deleting_harness: OrphanHarness) -> None:
    service_id = deleting_harness.railway.create_service("convos-agent-late")
    run_sweeps()
    volume_id = deleting_harness.railway.create_volume(service_id, "/data")
    run_sweeps()
    assert deleting_harness.existing_ids() == {service_id, volume_id}
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_a_volume_attached_to_another_service_meanwhile_is_kept(
    deleting_harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, volume_id = deleting_harness.create_service("stray")
    run_sweeps()
    listed = provider_inventory.read(provider_inventory.RAILWAY)
    monkeypatch.setattr(
        provider_inventory, "read", lambda provider: listed if provider == provider_inventory.RAILWAY else None
    )
    monkeypatch.setattr(provider_inventory, "read_volume_attachments", lambda: {volume_id: "another-service"})
    assert "delete" not in run_sweeps(2).values()
    assert deleting_harness.existing_ids() == {service_id, volume_id}


def test_a_volume_missing_from_one_listing_is_deleted_with_its_service(
    deleting_harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting_harness.create_service("stray")
    run_sweeps()
    whole = provider_inventory.read_volume_attachments
    looks = iter([whole()])
    # The check of the volume lists it; the one before its service is deleted does not.
    monkeypatch.setattr(provider_inventory, "read_volume_attachments", lambda: next(looks, {}))
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_a_service_whose_volume_cannot_be_deleted_is_kept(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = {*deleting_harness.create_service("stray")}
    deleting_harness.simulator.inject_fault("railway", "volumeDelete", "refuse", times=None)
    run_sweeps(3)
    assert deleting_harness.existing_ids() == ids
    assert len(log_records(caplog, "orphan not deleted")) == 2
    deleting_harness.simulator.clear_faults()
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_a_refused_volume_uses_up_no_deletions(
    deleting_harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphan_sweep, "_MAX_DELETIONS", 2)
    ids = {*deleting_harness.create_service("stray")}
    deleting_harness.create_key("a")
    deleting_harness.create_key("b")
    deleting_harness.simulator.inject_fault("railway", "volumeDelete", "refuse", times=None)
    run_sweeps(2)
    assert deleting_harness.existing_ids() == ids


def test_volumes_deleted_before_their_service_is_refused_are_reported(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, volume_id = deleting_harness.create_service("stray")
    deleting_harness.simulator.inject_fault("railway", "serviceDelete", "refuse", times=None)
    run_sweeps()
    assert run_sweeps() == {service_id: "failed", volume_id: "delete"}
    assert deleting_harness.existing_ids() == {service_id}
    (line,) = log_records(caplog, "volumes of an orphan deleted")
    assert line["volumes"] == [volume_id]
    assert log_records(caplog, "orphan deleted") == []


def test_one_failed_deletion_does_not_block_the_others(deleting_harness: OrphanHarness) -> None:
    locked, *others = deleting_harness.simulator.seed_numbers(4, "convos-agent-x")
    deleting_harness.simulator.set_number_lock(str(locked["id"]))
    deleting_harness.insert_instance("live", telnyx=str(others.pop()["phone_number"]))
    run_sweeps()
    assert run_sweeps()[str(locked["phone_number"])] == "failed"
    assert str(locked["phone_number"]) in deleting_harness.existing_ids()
    assert not {str(number["phone_number"]) for number in others} & deleting_harness.existing_ids()
    deleting_harness.simulator.set_number_lock(str(locked["id"]), False)
    run_sweeps()
    assert str(locked["phone_number"]) not in deleting_harness.existing_ids()


def test_a_deletion_with_an_unknown_outcome_is_checked_again(deleting_harness: OrphanHarness) -> None:
    keys = {deleting_harness.create_key("a"), deleting_harness.create_key("b")}
    run_sweeps()
    deleting_harness.simulator.inject_fault("openrouter", "keys.delete", "server_error_done", times=None)
    assert "failed" in run_sweeps().values()
    deleting_harness.simulator.clear_faults()
    run_sweeps(3)
    assert not keys & deleting_harness.existing_ids()
    assert deleting_harness.sightings() == {}


def test_at_most_twenty_are_deleted_per_sweep(deleting_harness: OrphanHarness) -> None:
    numbers = [str(number["phone_number"]) for number in deleting_harness.simulator.seed_numbers(90, "convos-agent-x")]
    for index, number in enumerate(numbers[45:]):
        deleting_harness.insert_instance(f"live-{index}", telnyx=number)
    run_sweeps()
    before = sweep_orphans(True)["actions"]
    assert [action["action"] for action in before].count("delete") == 20
    assert [action["action"] for action in before].count("later") == 25
    counts = []
    for _ in range(4):
        run_sweeps()
        counts.append(len(deleting_harness.existing_ids()))
    assert counts == [70, 50, 45, 45]
    assert deleting_harness.existing_ids() == set(numbers[45:])


def test_checks_per_sweep_are_limited(harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphan_sweep, "_MAX_CHECKS", 3)
    harness.simulator.seed_numbers(5, "convos-agent-x")
    run_sweeps()
    assert [len(run_sweeps()) for _ in range(3)] == [3, 2, 0]


def test_more_orphans_than_half_a_fleet_are_kept_and_logged_once(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [str(number["phone_number"]) for number in deleting_harness.simulator.seed_numbers(21, "convos-agent-x")]
    for index, number in enumerate(numbers[11:]):
        deleting_harness.insert_instance(f"live-{index}", telnyx=number)
    key = deleting_harness.create_key("stray")
    assert run_sweeps() == dict.fromkeys(numbers[:11], "crowd")
    assert caplog.records == []
    assert run_sweeps() == {**dict.fromkeys(numbers[:11], "crowd"), key: "delete"}
    run_sweeps(5)
    (line,) = log_records(caplog, "more than half of an inventory")
    assert (line["levelname"], line["provider"], line["unknown"], line["of"]) == ("ERROR", "telnyx", 11, 21)
    assert "another environment" in line["todo"]
    assert deleting_harness.existing_ids() == set(numbers)
    assert {action["action"] for action in sweep_orphans(True)["actions"]} == {"crowd"}
    deleting_harness.insert_instance("live-10", telnyx=numbers[10])
    run_sweeps()
    assert deleting_harness.existing_ids() == set(numbers[10:])
    run_sweeps()
    assert deleting_harness.sightings() == {}


def test_volumes_do_not_count_towards_the_half_of_a_fleet(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    services = deleting_harness.simulator.seed_services(21)
    for index, service_id in enumerate(services[11:]):
        deleting_harness.insert_instance(f"live-{index}", (service_id, f"volume-{index}"))
    run_sweeps(4)
    assert len(log_records(caplog, "more than half of an inventory")) == 1
    assert {*services} <= deleting_harness.existing_ids()


def test_ten_orphans_are_always_deleted(deleting_harness: OrphanHarness) -> None:
    deleting_harness.simulator.seed_numbers(10, "convos-agent-x")
    run_sweeps(2)
    assert deleting_harness.existing_ids() == set()


@pytest.mark.parametrize("by", ["instance", "name"])
def test_an_operation_that_starts_at_that_moment_protects_its_resources(
    deleting_harness: OrphanHarness, stack: Stack, by: str
) -> None:
    ids = {*deleting_harness.create_service("race")}
    run_sweeps()
    with connect(stack.database_url, autocommit=False) as other:
        if by == "instance":
            locks.lock_instance(other, "race")
        else:
            locks.lock_service_name(other, "convos-agent-race")
        sweep = sweep_in_background()
        wait_for_blocked_sessions(stack.database_url)
        other.execute(
            "INSERT INTO operations (id, instance_id, kind, request) VALUES ('op-stray-race', %s, 'create', %s)",
            ("race" if by == "instance" else "other", '{"tools": [], "name": "convos-agent-race"}'),
        )
        other.commit()
    assert "delete" not in sweep.result(30).values()
    assert deleting_harness.existing_ids() == ids
    run_sweeps()
    assert deleting_harness.sightings() == {}


def test_an_operation_cannot_start_while_its_orphan_is_being_deleted(
    deleting_harness: OrphanHarness, stack: Stack
) -> None:
    deleting_harness.create_key("race")
    run_sweeps()
    deleting_harness.simulator.inject_fault("openrouter", "keys.delete", "slow", seconds=1.0)
    sweep = sweep_in_background()
    wait_for_call(deleting_harness.simulator, "keys.delete")
    with connect(stack.database_url, autocommit=False) as other:
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            locks.lock_instance(other, "race")
        other.rollback()
        locks.lock_instance(other, "another")
    assert [*sweep.result(30).values()] == ["delete"]


def test_nothing_is_deleted_while_a_migration_writes_rows(deleting_harness: OrphanHarness, stack: Stack) -> None:
    key = deleting_harness.create_key("stray")
    run_sweeps()
    with connect(stack.database_url, autocommit=False) as migration:
        migration.execute("SELECT pg_advisory_xact_lock(hashtextextended('pointsman:migrate', 0))")
        run_sweeps()
        assert key in deleting_harness.existing_ids()
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_concurrent_sweeps_report_and_delete_once(
    deleting_harness: OrphanHarness, stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """In production the other one is another process; here its effect is written while this one waits."""
    key = deleting_harness.create_key("stray")
    run_sweeps()
    with connect(stack.database_url, autocommit=False) as other:
        locks.lock_instance(other, "stray")
        sweep = sweep_in_background()
        wait_for_blocked_sessions(stack.database_url)
        deleting_harness.db.execute("DELETE FROM orphan_sightings")
        other.commit()
    assert "delete" not in sweep.result(30).values()
    assert key in deleting_harness.existing_ids()
