"""What the sweep decides about each orphan is recorded with its reason, for those who look later."""

from typing import Any

import pytest

from pointsman.errors import InvalidInput
from pointsman.lifecycle import orphan_sweep, provider_inventory
from tests.reconcile.orphan_harness import TOKENS, OrphanHarness, run_sweeps


def decisions(harness: OrphanHarness) -> dict[str, dict[str, Any]]:
    """The recorded decisions by resource id."""
    return {row["resource_id"]: row for row in harness.db.execute("SELECT * FROM orphan_decisions").fetchall()}


def decision_of(harness: OrphanHarness, resource_id: str) -> tuple[str, str]:
    row = decisions(harness)[resource_id]
    return row["decision"], row["reason"]


def test_an_orphan_is_watched_then_reported_with_what_is_to_be_done(harness: OrphanHarness) -> None:
    ids = harness.create_one_of_each("stray")
    run_sweeps()
    recorded = decisions(harness)
    assert recorded.keys() == ids
    assert {row["decision"] for row in recorded.values()} == {"watched"}
    run_sweeps()
    reported = decisions(harness)
    assert {(row["decision"], row["reason"]) for row in reported.values()} == {
        ("reported", "set ORPHANS=delete or delete it by hand")
    }
    run_sweeps()
    for resource_id, row in decisions(harness).items():
        assert row["decided_at"] == reported[resource_id]["decided_at"], "the same decision is no new one"
        assert (row["sightings"], row["first_seen"]) == (3, recorded[resource_id]["first_seen"])


def test_what_was_deleted_stays_on_record_with_its_volumes(harness: OrphanHarness) -> None:
    ids = harness.create_one_of_each("stray")
    harness.set_environment(ORPHANS="delete")
    run_sweeps(3)
    assert {(row["decision"], row["resource_id"]) for row in decisions(harness).values()} == {
        ("deleted", resource_id) for resource_id in ids
    }
    assert all(row["reason"].startswith("ORPHANS=delete") for row in decisions(harness).values())


def test_what_is_known_or_gone_after_all_is_resolved(harness: OrphanHarness) -> None:
    key, number = harness.create_key("stray"), harness.create_number("other")
    run_sweeps(2)
    harness.insert_instance("stray", openrouter=key)
    run_sweeps()
    assert decision_of(harness, key)[0] == "resolved"
    assert decision_of(harness, number)[0] == "reported"


def test_a_crowd_is_refused(harness: OrphanHarness) -> None:
    ids = {harness.create_key(f"stray-{number}") for number in range(11)}
    harness.set_environment(ORPHANS="delete")
    run_sweeps(2)
    recorded = decisions(harness)
    assert recorded.keys() == ids
    assert {row["decision"] for row in recorded.values()} == {"refused"}
    assert all("another environment's database" in row["reason"] for row in recorded.values())


def test_what_a_provider_refuses_has_failed_and_its_reason_holds_no_secret(harness: OrphanHarness) -> None:
    key = harness.create_key("stray")
    harness.set_environment(ORPHANS="delete")
    run_sweeps()
    token = TOKENS["OPENROUTER_MANAGEMENT_KEY"]
    harness.simulator.inject_fault(
        "openrouter", "keys.delete", "refuse", status=403, message=f"not allowed for {token}", times=None
    )
    run_sweeps()
    decision, reason = decision_of(harness, key)
    assert decision == "failed"
    assert "not allowed" in reason
    assert token not in reason


def test_while_a_provider_does_not_answer_the_others_are_postponed(harness: OrphanHarness) -> None:
    ids = {harness.create_key(f"stray-{number}") for number in range(3)}
    run_sweeps()
    harness.simulator.inject_fault("openrouter", "keys.get", "server_error", times=None)
    run_sweeps()
    recorded = decisions(harness)
    assert recorded.keys() == ids
    assert sorted(row["decision"] for row in recorded.values()) == ["failed", "postponed", "postponed"]
    harness.simulator.clear_faults()
    run_sweeps()
    assert {row["decision"] for row in decisions(harness).values()} == {"reported"}


def test_over_a_sweeps_limit_a_deletion_is_postponed(harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphan_sweep, "_MAX_DELETIONS", 1)
    for number in range(2):
        harness.create_key(f"stray-{number}")
    harness.set_environment(ORPHANS="delete")
    run_sweeps(2)
    assert sorted(row["decision"] for row in decisions(harness).values()) == ["deleted", "postponed"]


def test_a_running_operation_postpones_a_deletion(harness: OrphanHarness) -> None:
    service_id, _ = harness.create_service("stray")
    harness.set_environment(ORPHANS="delete", ORPHAN_AFTER_SECONDS="3600")
    run_sweeps()
    assert decisions(harness) == {}, "what is young is no candidate"
    harness.set_environment(ORPHAN_AFTER_SECONDS="0")
    run_sweeps()
    assert "seen twice, 0 s apart" in decision_of(harness, service_id)[1]


def test_a_provider_that_cannot_be_listed_keeps_its_decisions_and_a_dry_run_records_none(
    harness: OrphanHarness,
) -> None:
    harness.create_key("stray")
    run_sweeps(2, dry=True)
    assert decisions(harness) == {}
    run_sweeps(2)
    before = decisions(harness)
    harness.simulator.inject_fault("openrouter", "keys.list", "server_error", times=None)
    run_sweeps()
    assert decisions(harness) == before


def test_words_that_postgres_cannot_hold_do_not_stop_the_sweep(
    harness: OrphanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = harness.create_key("stray")
    run_sweeps()

    def refuse(_item: object) -> bool:
        raise InvalidInput("odd \0 \ud800 words")

    monkeypatch.setattr(provider_inventory, "exists", refuse)
    run_sweeps()
    assert decision_of(harness, key) == ("failed", "odd  ? words")
