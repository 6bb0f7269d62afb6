"""Deleting orphans: only where it is wanted, only what nobody knows at that very moment, and few at a time."""

import threading

import psycopg
import pytest
from psycopg.rows import dict_row

from local.stack.stack import Stack
from pointsman.db import operations
from pointsman.lifecycle import orphan_sweep, provider_inventory
from pointsman.lifecycle.orphan_sweep import sweep_orphans
from tests.harness.instances import Database, wait_until
from tests.harness.status_poller import wait_for_blocked_function
from tests.reconcile.orphan_harness import OrphanHarness, log_records, run_sweeps

pytestmark = pytest.mark.slow


@pytest.fixture
def deleting_harness(harness: OrphanHarness) -> OrphanHarness:
    harness.set_environment(ORPHANS="delete")
    return harness


def sweep_in_background(times: int = 1) -> tuple[threading.Thread, list[dict[str, str]]]:
    reports: list[dict[str, str]] = []
    thread = threading.Thread(target=lambda: reports.append(run_sweeps(times)), daemon=True)
    thread.start()
    return thread, reports


def test_nothing_is_deleted_unless_it_is_wanted(harness: OrphanHarness) -> None:
    ids = harness.create_one_of_each("stray")
    run_sweeps(6)
    assert harness.existing_ids() >= ids
    assert harness.sightings().keys() == ids


def test_each_providers_stray_is_deleted_with_what_belongs_to_it(
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


def test_deleting_is_told_first_and_never_at_the_first_sight(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    key = deleting_harness.create_key("stray")
    run_sweeps()
    assert caplog.records == []
    assert key in deleting_harness.existing_ids()
    run_sweeps()
    assert [record.msg for record in caplog.records] == ["orphan found", "orphan deleted"]


@pytest.mark.parametrize("where", ["row", "created", "intended", "leaked"])
def test_what_a_row_or_an_open_entry_names_is_nobodys_orphan(deleting_harness: OrphanHarness, where: str) -> None:
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


def test_what_an_intent_may_be_making_is_nobodys_orphan(deleting_harness: OrphanHarness) -> None:
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
    assert deleting_harness.existing_ids() >= {one for some in ids for one in some} | {number}
    deleting_harness.db.execute(
        "UPDATE operation_resources SET state = 'refused' WHERE operation_id = %s", (operation_id,)
    )
    run_sweeps(2)
    assert deleting_harness.existing_ids() == set()


def test_nothing_of_an_instance_that_is_worked_on_is_an_orphan(deleting_harness: OrphanHarness) -> None:
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


def test_a_running_create_keeps_the_name_that_it_wants(deleting_harness: OrphanHarness) -> None:
    wanted, _ = deleting_harness.create_service("wanted")
    deleting_harness.insert_operation("other-id", name="convos-agent-wanted")
    run_sweeps(4)
    assert wanted in deleting_harness.existing_ids()
    assert deleting_harness.sightings() == {}


def test_a_service_with_a_volume_that_an_instance_uses_is_left(deleting_harness: OrphanHarness) -> None:
    service_id, volume_id = deleting_harness.create_service("odd")
    deleting_harness.insert_instance("live", ("another-service", volume_id))
    run_sweeps(4)
    assert deleting_harness.existing_ids() == {service_id, volume_id}


def test_a_service_waits_until_its_volume_has_been_seen_as_long(deleting_harness: OrphanHarness) -> None:
    service_id = deleting_harness.railway.create_service("convos-agent-late")
    run_sweeps()
    volume_id = deleting_harness.railway.create_volume(service_id, "/data")
    run_sweeps()
    assert deleting_harness.existing_ids() == {service_id, volume_id}
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_a_volume_that_is_moved_to_another_service_meanwhile_is_left(
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


def test_a_volume_that_one_listing_lacks_goes_with_its_service(
    deleting_harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting_harness.create_service("stray")
    run_sweeps()
    whole = provider_inventory.read_volume_attachments
    looks = iter([whole()])
    # The look at the volume has it; the one before its service is deleted does not.
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


def test_one_that_cannot_be_deleted_does_not_stand_in_the_way(deleting_harness: OrphanHarness) -> None:
    locked, *others = deleting_harness.simulator.seed_numbers(4, "convos-agent-x")
    deleting_harness.simulator.set_number_lock(str(locked["id"]))
    deleting_harness.insert_instance("live", telnyx=str(others.pop()["phone_number"]))
    run_sweeps()
    assert run_sweeps()[str(locked["phone_number"])] == "failed"
    assert str(locked["phone_number"]) in deleting_harness.existing_ids()
    assert not {str(one["phone_number"]) for one in others} & deleting_harness.existing_ids()
    deleting_harness.simulator.set_number_lock(str(locked["id"]), False)
    run_sweeps()
    assert str(locked["phone_number"]) not in deleting_harness.existing_ids()


def test_a_deletion_without_an_answer_is_looked_at_again(deleting_harness: OrphanHarness) -> None:
    keys = {deleting_harness.create_key("a"), deleting_harness.create_key("b")}
    run_sweeps()
    deleting_harness.simulator.inject_fault("openrouter", "keys.delete", "server_error_done", times=None)
    assert "failed" in run_sweeps().values()
    deleting_harness.simulator.clear_faults()
    run_sweeps(3)
    assert not keys & deleting_harness.existing_ids()
    assert deleting_harness.sightings() == {}


def test_twenty_are_deleted_in_one_sweep_at_most(deleting_harness: OrphanHarness) -> None:
    numbers = [str(one["phone_number"]) for one in deleting_harness.simulator.seed_numbers(90, "convos-agent-x")]
    for index, number in enumerate(numbers[45:]):
        deleting_harness.insert_instance(f"live-{index}", telnyx=number)
    run_sweeps()
    before = sweep_orphans(True)["actions"]
    assert [one["action"] for one in before].count("delete") == 20
    assert [one["action"] for one in before].count("later") == 25
    left = []
    for _ in range(4):
        run_sweeps()
        left.append(len(deleting_harness.existing_ids()))
    assert left == [70, 50, 45, 45]
    assert deleting_harness.existing_ids() == set(numbers[45:])


def test_looks_are_limited_too(harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphan_sweep, "_MAX_CHECKS", 3)
    harness.simulator.seed_numbers(5, "convos-agent-x")
    run_sweeps()
    assert [len(run_sweeps()) for _ in range(3)] == [3, 2, 0]


def test_a_crowd_of_orphans_is_left_and_told_once(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [str(one["phone_number"]) for one in deleting_harness.simulator.seed_numbers(21, "convos-agent-x")]
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
    assert {one["action"] for one in sweep_orphans(True)["actions"]} == {"crowd"}
    deleting_harness.insert_instance("live-10", telnyx=numbers[10])
    run_sweeps()
    assert deleting_harness.existing_ids() == set(numbers[10:])
    run_sweeps()
    assert deleting_harness.sightings() == {}


def test_a_crowd_of_services_is_counted_without_their_volumes(
    deleting_harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    services = deleting_harness.simulator.seed_services(21)
    for index, service_id in enumerate(services[11:]):
        deleting_harness.insert_instance(f"live-{index}", (service_id, f"volume-{index}"))
    run_sweeps(4)
    assert len(log_records(caplog, "more than half of an inventory")) == 1
    assert {*services} <= deleting_harness.existing_ids()


def test_ten_are_no_crowd(deleting_harness: OrphanHarness) -> None:
    deleting_harness.simulator.seed_numbers(10, "convos-agent-x")
    run_sweeps(2)
    assert deleting_harness.existing_ids() == set()


@pytest.mark.parametrize("by", ["instance", "name"])
def test_an_operation_that_begins_at_that_moment_keeps_the_thing(
    deleting_harness: OrphanHarness, stack: Stack, db: Database, by: str
) -> None:
    ids = {*deleting_harness.create_service("race")}
    run_sweeps()
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        if by == "instance":
            operations.lock_instance(other, "race")
        else:
            operations.lock_service_name(other, "convos-agent-race")
        thread, reports = sweep_in_background()
        wait_for_blocked_function(db)
        other.execute(
            "INSERT INTO operations (id, instance_id, kind, request) VALUES ('op-stray-race', %s, 'create', %s)",
            ("race" if by == "instance" else "other", '{"tools": [], "name": "convos-agent-race"}'),
        )
        other.commit()
    thread.join(30)
    assert "delete" not in reports[0].values()
    assert deleting_harness.existing_ids() == ids
    run_sweeps()
    assert deleting_harness.sightings() == {}


def test_an_operation_cannot_begin_while_its_orphan_is_being_deleted(
    deleting_harness: OrphanHarness, stack: Stack
) -> None:
    deleting_harness.create_key("race")
    run_sweeps()
    deleting_harness.simulator.inject_fault("openrouter", "keys.delete", "slow", seconds=1.0)
    since = len(deleting_harness.simulator.list_calls())
    thread, reports = sweep_in_background()
    wait_until(
        lambda: [one for one in deleting_harness.simulator.list_calls()[since:] if one.operation == "keys.delete"]
    )
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            operations.lock_instance(other, "race")
        other.rollback()
        operations.lock_instance(other, "another")
    thread.join(30)
    assert [*reports[0].values()] == ["delete"]


def test_nothing_is_deleted_while_a_migration_writes_rows(deleting_harness: OrphanHarness, stack: Stack) -> None:
    key = deleting_harness.create_key("stray")
    run_sweeps()
    with psycopg.connect(stack.database_url) as migration:
        migration.execute("SELECT pg_advisory_xact_lock(hashtextextended('pointsman:migrate', 0))")
        run_sweeps()
        assert key in deleting_harness.existing_ids()
    run_sweeps()
    assert deleting_harness.existing_ids() == set()


def test_two_sweeps_at_once_report_and_delete_each_thing_once(
    deleting_harness: OrphanHarness, stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """The other one is another process in truth; here it has done its part while this one waits."""
    key = deleting_harness.create_key("stray")
    run_sweeps()
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        operations.lock_instance(other, "stray")
        thread, reports = sweep_in_background()
        wait_for_blocked_function(deleting_harness.db)
        deleting_harness.db.execute("DELETE FROM orphan_sightings")
        other.commit()
    thread.join(30)
    assert "delete" not in reports[0].values()
    assert key in deleting_harness.existing_ids()
