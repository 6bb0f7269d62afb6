"""Deleting orphans: only where it is wanted, only what nobody knows at that very moment, and few at a time."""

import threading

import psycopg
import pytest
from psycopg.rows import dict_row

from local.stack import Stack
from pointsman.db import operations
from pointsman.lifecycle import carrying, orphans
from pointsman.lifecycle.orphans import sweep
from tests.reconcile.strays import Strays, said, swept
from tests.workflow.helpers import Database, until
from tests.workflow.polls import until_blocked

pytestmark = pytest.mark.slow


@pytest.fixture
def deleting(strays: Strays) -> Strays:
    strays.given(ORPHANS="delete")
    return strays


def in_background(times: int = 1) -> tuple[threading.Thread, list[dict[str, str]]]:
    done: list[dict[str, str]] = []
    thread = threading.Thread(target=lambda: done.append(swept(times)), daemon=True)
    thread.start()
    return thread, done


def test_nothing_is_deleted_unless_it_is_wanted(strays: Strays) -> None:
    ids = strays.one_of_each("stray")
    swept(6)
    assert strays.there() >= ids
    assert strays.rows().keys() == ids


def test_each_providers_stray_is_deleted_with_what_belongs_to_it(
    deleting: Strays, caplog: pytest.LogCaptureFixture
) -> None:
    ids = deleting.one_of_each("stray")
    live = deleting.service("live")
    deleting.live("live", live)
    assert swept() == {}
    assert swept() == dict.fromkeys(ids, "delete")
    assert deleting.there() == {*live}
    swept()
    assert deleting.rows() == {}
    assert len(said(caplog, "orphan: known to nobody")) == 5
    assert len(said(caplog, "orphan deleted")) == 4


def test_deleting_is_told_first_and_never_at_the_first_sight(
    deleting: Strays, caplog: pytest.LogCaptureFixture
) -> None:
    key = deleting.key("stray")
    swept()
    assert caplog.records == []
    assert key in deleting.there()
    swept()
    assert [record.msg for record in caplog.records] == ["orphan: known to nobody here", "orphan deleted"]


@pytest.mark.parametrize("where", ["row", "created", "intended", "leaked"])
def test_what_a_row_or_an_open_entry_names_is_nobodys_orphan(deleting: Strays, where: str) -> None:
    service, key = deleting.service("a"), deleting.key("a")
    inbox, number = deleting.inbox("a"), deleting.number("a")
    tools = {"openrouter": key, "agentmail": inbox, "telnyx": number}
    if where == "row":
        deleting.live("another-name", service, **tools)
    else:
        operation_id = deleting.operation("another-name", "leaked" if where == "leaked" else "failed")
        state = "intended" if where == "intended" else "created"
        for kind, resource_id in zip(("service", "volume"), service, strict=True):
            deleting.entry(operation_id, "railway", kind, state, resource_id)
        for tool_id, resource_id in tools.items():
            deleting.entry(operation_id, tool_id, "tool", state, resource_id)
    swept(4)
    assert deleting.rows() == {}
    assert deleting.there() >= {*service, *tools.values()}


def test_what_an_intent_may_be_making_is_nobodys_orphan(deleting: Strays) -> None:
    ids = {deleting.service("a"), (deleting.key("b"),), (deleting.inbox("c"),), (deleting.number("d"),)}
    number = deleting.number("e")
    operation_id = deleting.operation("z", "leaked")
    deleting.entry(operation_id, "railway", "service", "intended", name="convos-agent-a")
    deleting.entry(operation_id, "openrouter", "tool", "intended", name="convos-agent-b")
    deleting.entry(operation_id, "agentmail", "tool", "intended", client_id="convos-agent-c.op-" + "0" * 32)
    deleting.entry(operation_id, "telnyx", "tool", "intended", customer_reference="convos-agent-d")
    deleting.entry(operation_id, "telnyx", "volume", "intended", phone_number=number)
    swept(4)
    assert deleting.rows() == {}
    assert deleting.there() >= {one for some in ids for one in some} | {number}
    deleting.db.execute("UPDATE operation_resources SET state = 'refused' WHERE operation_id = %s", (operation_id,))
    swept(2)
    assert deleting.there() == set()


def test_nothing_of_an_instance_that_is_worked_on_is_an_orphan(deleting: Strays) -> None:
    ids = deleting.one_of_each("busy.with-dots")
    other = deleting.key("busy")
    operation_id = deleting.operation("busy.with-dots")
    swept()
    assert deleting.rows().keys() == {other}
    deleting.db.execute("UPDATE operations SET status = 'failed' WHERE id = %s", (operation_id,))
    swept()
    assert deleting.there() == ids
    swept()
    assert deleting.there() == set()


def test_a_running_create_keeps_the_name_that_it_wants(deleting: Strays) -> None:
    wanted, _ = deleting.service("wanted")
    deleting.operation("other-id", name="convos-agent-wanted")
    swept(4)
    assert wanted in deleting.there()
    assert deleting.rows() == {}


def test_a_service_with_a_volume_that_an_instance_uses_is_left(deleting: Strays) -> None:
    service_id, volume_id = deleting.service("odd")
    deleting.live("live", ("another-service", volume_id))
    swept(4)
    assert deleting.there() == {service_id, volume_id}


def test_a_service_waits_until_its_volume_has_been_seen_as_long(deleting: Strays) -> None:
    service_id = deleting.railway.create_service("convos-agent-late")
    swept()
    volume_id = deleting.railway.create_volume(service_id, "/data")
    swept()
    assert deleting.there() == {service_id, volume_id}
    swept()
    assert deleting.there() == set()


def test_a_volume_that_is_moved_to_another_service_meanwhile_is_left(
    deleting: Strays, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, volume_id = deleting.service("stray")
    swept()
    listed = carrying.read(carrying.RAILWAY)
    monkeypatch.setattr(carrying, "read", lambda provider: listed if provider == carrying.RAILWAY else None)
    monkeypatch.setattr(carrying, "volumes_now", lambda: {volume_id: "another-service"})
    assert "delete" not in swept(2).values()
    assert deleting.there() == {service_id, volume_id}


def test_a_volume_that_one_listing_lacks_goes_with_its_service(
    deleting: Strays, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting.service("stray")
    swept()
    whole = carrying.volumes_now
    looks = iter([whole()])
    # The look at the volume has it; the one before its service is deleted does not.
    monkeypatch.setattr(carrying, "volumes_now", lambda: next(looks, {}))
    swept()
    assert deleting.there() == set()


def test_a_service_whose_volume_cannot_be_deleted_is_kept(deleting: Strays, caplog: pytest.LogCaptureFixture) -> None:
    ids = {*deleting.service("stray")}
    deleting.simulator.fault("railway", "volumeDelete", "refuse", times=None)
    swept(3)
    assert deleting.there() == ids
    assert len(said(caplog, "orphan was left for now")) == 2
    deleting.simulator.clear_faults()
    swept()
    assert deleting.there() == set()


def test_one_that_cannot_be_deleted_does_not_stand_in_the_way(deleting: Strays) -> None:
    locked, *others = deleting.simulator.seed_numbers(4, "convos-agent-x")
    deleting.simulator.lock_number(str(locked["id"]))
    deleting.live("live", telnyx=str(others.pop()["phone_number"]))
    swept()
    assert swept()[str(locked["phone_number"])] == "failed"
    assert str(locked["phone_number"]) in deleting.there()
    assert not {str(one["phone_number"]) for one in others} & deleting.there()
    deleting.simulator.lock_number(str(locked["id"]), False)
    swept()
    assert str(locked["phone_number"]) not in deleting.there()


def test_a_deletion_without_an_answer_is_looked_at_again(deleting: Strays) -> None:
    keys = {deleting.key("a"), deleting.key("b")}
    swept()
    deleting.simulator.fault("openrouter", "keys.delete", "server_error_done", times=None)
    assert "failed" in swept().values()
    deleting.simulator.clear_faults()
    swept(3)
    assert not keys & deleting.there()
    assert deleting.rows() == {}


def test_twenty_are_deleted_in_one_sweep_at_most(deleting: Strays) -> None:
    numbers = [str(one["phone_number"]) for one in deleting.simulator.seed_numbers(90, "convos-agent-x")]
    for index, number in enumerate(numbers[45:]):
        deleting.live(f"live-{index}", telnyx=number)
    swept()
    before = sweep(True)["actions"]
    assert [one["action"] for one in before].count("delete") == 20
    assert [one["action"] for one in before].count("later") == 25
    left = []
    for _ in range(4):
        swept()
        left.append(len(deleting.there()))
    assert left == [70, 50, 45, 45]
    assert deleting.there() == set(numbers[45:])


def test_looks_are_limited_too(strays: Strays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "_LOOKS", 3)
    strays.simulator.seed_numbers(5, "convos-agent-x")
    swept()
    assert [len(swept()) for _ in range(3)] == [3, 2, 0]


def test_a_crowd_of_orphans_is_left_and_told_once(deleting: Strays, caplog: pytest.LogCaptureFixture) -> None:
    numbers = [str(one["phone_number"]) for one in deleting.simulator.seed_numbers(21, "convos-agent-x")]
    for index, number in enumerate(numbers[11:]):
        deleting.live(f"live-{index}", telnyx=number)
    key = deleting.key("stray")
    assert swept() == dict.fromkeys(numbers[:11], "crowd")
    assert caplog.records == []
    assert swept() == {**dict.fromkeys(numbers[:11], "crowd"), key: "delete"}
    swept(5)
    (line,) = said(caplog, "more than half")
    assert (line["levelname"], line["provider"], line["unknown"], line["of"]) == ("ERROR", "telnyx", 11, 21)
    assert "another environment" in line["todo"]
    assert deleting.there() == set(numbers)
    assert {one["action"] for one in sweep(True)["actions"]} == {"crowd"}
    deleting.live("live-10", telnyx=numbers[10])
    swept()
    assert deleting.there() == set(numbers[10:])
    swept()
    assert deleting.rows() == {}


def test_a_crowd_of_services_is_counted_without_their_volumes(
    deleting: Strays, caplog: pytest.LogCaptureFixture
) -> None:
    services = deleting.simulator.seed_services(21)
    for index, service_id in enumerate(services[11:]):
        deleting.live(f"live-{index}", (service_id, f"volume-{index}"))
    swept(4)
    assert len(said(caplog, "more than half")) == 1
    assert {*services} <= deleting.there()


def test_ten_are_no_crowd(deleting: Strays) -> None:
    deleting.simulator.seed_numbers(10, "convos-agent-x")
    swept(2)
    assert deleting.there() == set()


@pytest.mark.parametrize("by", ["instance", "name"])
def test_an_operation_that_begins_at_that_moment_keeps_the_thing(
    deleting: Strays, stack: Stack, db: Database, by: str
) -> None:
    ids = {*deleting.service("race")}
    swept()
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        if by == "instance":
            operations.lock_instance(other, "race")
        else:
            operations.lock_name(other, "convos-agent-race")
        thread, done = in_background()
        until_blocked(db)
        other.execute(
            "INSERT INTO operations (id, instance_id, kind, request) VALUES ('op-stray-race', %s, 'create', %s)",
            ("race" if by == "instance" else "other", '{"tools": [], "name": "convos-agent-race"}'),
        )
        other.commit()
    thread.join(30)
    assert "delete" not in done[0].values()
    assert deleting.there() == ids
    swept()
    assert deleting.rows() == {}


def test_an_operation_cannot_begin_while_its_orphan_is_being_deleted(deleting: Strays, stack: Stack) -> None:
    deleting.key("race")
    swept()
    deleting.simulator.fault("openrouter", "keys.delete", "slow", seconds=1.0)
    since = len(deleting.simulator.calls())
    thread, done = in_background()
    until(lambda: [one for one in deleting.simulator.calls()[since:] if one.operation == "keys.delete"])
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            operations.lock_instance(other, "race")
        other.rollback()
        operations.lock_instance(other, "another")
    thread.join(30)
    assert [*done[0].values()] == ["delete"]


def test_nothing_is_deleted_while_a_migration_writes_rows(deleting: Strays, stack: Stack) -> None:
    key = deleting.key("stray")
    swept()
    with psycopg.connect(stack.database_url) as migration:
        migration.execute("SELECT pg_advisory_xact_lock(hashtextextended('pointsman:migrate', 0))")
        swept()
        assert key in deleting.there()
    swept()
    assert deleting.there() == set()


def test_two_sweeps_at_once_report_and_delete_each_thing_once(
    deleting: Strays, stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """The other one is another process in truth; here it has done its part while this one waits."""
    key = deleting.key("stray")
    swept()
    with psycopg.connect(stack.database_url, row_factory=dict_row) as other:
        operations.lock_instance(other, "stray")
        thread, done = in_background()
        until_blocked(deleting.db)
        deleting.db.execute("DELETE FROM orphan_sightings")
        other.commit()
    thread.join(30)
    assert "delete" not in done[0].values()
    assert key in deleting.there()
