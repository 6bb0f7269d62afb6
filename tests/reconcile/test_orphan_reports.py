"""The reconciler's second half: resources that no row or entry names are sighted twice, checked and reported."""

import json

import pytest

from pointsman.errors import InvalidSetting
from pointsman.lifecycle.orphan_sweep import sweep_orphans
from pointsman.providers.agentmail import AgentMailProvider
from pointsman.providers.openrouter import OpenRouterProvider
from pointsman.providers.railway import RailwayClient
from pointsman.providers.telnyx.provider import TelnyxProvider
from pointsman.settings.operations import ReconcileSettings
from tests.harness.provider_api import ProviderClient
from tests.reconcile.orphan_harness import PROVIDERS, TOKENS, OrphanHarness, log_records, run_sweeps


def test_orphans_of_each_provider_are_reported_on_the_second_sighting(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = harness.create_one_of_each("stray")
    assert run_sweeps() == {}
    assert harness.sightings().keys() == ids
    assert run_sweeps() == dict.fromkeys(ids, "report")
    lines = log_records(caplog, "orphan found")
    assert {line["resource_id"] for line in lines} == ids
    assert {(line["provider"], line["kind"]) for line in lines} == {
        ("railway", "service"), ("railway", "volume"),
        ("openrouter", "tool"), ("agentmail", "tool"), ("telnyx", "tool"),
    }  # fmt: skip
    for line in lines:
        assert line["resource_name"].startswith("convos-agent-stray")
        assert line["first_seen"].startswith("20")
        assert "ORPHANS=delete" in line["todo"]
        assert "by hand" in line["todo"]
        assert line["levelname"] == "WARNING"
    assert harness.existing_ids() >= ids


def test_an_orphan_is_reported_once(harness: OrphanHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.create_key("stray")
    run_sweeps(5)
    assert len(log_records(caplog, "orphan found")) == 1
    (row,) = harness.sightings().values()
    assert (row["sightings"], row["reported_at"] is not None) == (5, True)


def test_two_sightings_must_be_far_enough_apart(harness: OrphanHarness) -> None:
    service_id, *_ = harness.simulator.seed_services(1, bare=True)
    harness.set_environment(ORPHAN_AFTER_SECONDS="3600")
    assert run_sweeps(3) == {}
    assert harness.sightings()[service_id]["sightings"] == 3
    harness.age_sightings()
    assert run_sweeps() == {service_id: "report"}


def test_young_resources_have_no_sightings(harness: OrphanHarness) -> None:
    harness.create_one_of_each("young")
    harness.set_environment(ORPHAN_AFTER_SECONDS="3600")
    assert run_sweeps() == {}
    assert harness.sightings() == {}


def test_a_resource_missing_from_a_complete_listing_restarts_its_sightings(harness: OrphanHarness) -> None:
    ids = {harness.simulator.seed_services(1, bare=True)[0], harness.create_number("stray")}
    run_sweeps()
    harness.simulator.update_config({"railway": {"service_lag_s": 7200}, "telnyx": {"page_max": 250}})
    (service_id,) = (resource_id for resource_id in ids if not resource_id.startswith("+"))
    assert service_id not in run_sweeps()
    assert harness.sightings().keys() == ids - {service_id}
    harness.simulator.update_config({"railway": {"service_lag_s": 0}})
    assert service_id not in run_sweeps()
    assert run_sweeps() == {service_id: "report"}


def test_a_renamed_resource_restarts_its_sightings(harness: OrphanHarness, providers: ProviderClient) -> None:
    key = harness.create_key("stray")
    run_sweeps()
    providers.request_openrouter("PATCH", f"/keys/{key}", json={"name": "convos-agent-kept"}).raise_for_status()
    assert run_sweeps() == {}
    assert harness.sightings()[key]["sightings"] == 1


@pytest.mark.parametrize(("provider", "operation"), [
    ("openrouter", "keys.list"), ("agentmail", "inboxes.list"), ("telnyx", "numbers.list"), ("railway", "environment"),
    ("railway", "project"),
])  # fmt: skip
def test_sightings_of_an_unreadable_provider_are_unchanged(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture, provider: str, operation: str
) -> None:
    harness.create_one_of_each("stray")
    run_sweeps()
    before = harness.sightings()
    harness.simulator.inject_fault(provider, operation, "server_error", times=None)
    report = sweep_orphans(False)
    assert report["skipped"].keys() == {provider}
    assert {action["provider"] for action in report["actions"]} == set(PROVIDERS) - {provider}
    assert [line["provider"] for line in log_records(caplog, "orphans not listed")] == [provider]
    after = harness.sightings()
    assert {resource_id: row for resource_id, row in after.items() if row["provider"] == provider} == {
        resource_id: row for resource_id, row in before.items() if row["provider"] == provider
    }


def test_tools_that_are_not_configured_are_skipped(harness: OrphanHarness) -> None:
    harness.create_one_of_each("stray")
    run_sweeps()
    harness.set_environment(TOOLS="none")
    report = sweep_orphans(False)
    assert report["skipped"] == {}
    assert report["orphans"] == {"railway": 2}
    assert len(harness.sightings()) == 5


def test_a_resource_that_no_longer_exists_is_not_reported(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = harness.create_one_of_each("stray")
    run_sweeps()
    for provider in (OpenRouterProvider, AgentMailProvider, TelnyxProvider):
        monkeypatch.setattr(provider, "exists", lambda self, resource_id: False)
    monkeypatch.setattr(RailwayClient, "service_exists", lambda self, resource_id: False)
    report = sweep_orphans(False)
    assert {action["kind"] for action in report["actions"]} == {"volume"}
    assert report["orphans"] == {"railway": 1, "openrouter": 0, "agentmail": 0, "telnyx": 0}
    assert {line["kind"] for line in log_records(caplog, "orphan found")} == {"volume"}
    assert harness.existing_ids() >= ids


def test_foreign_names_and_the_pool_manager_are_skipped(harness: OrphanHarness) -> None:
    for name in ("convos-agent-pool-manager", "convos-agents", "other", "Convos-Agent-x"):
        harness.railway.create_service(name)
        harness.create_tool_resource("openrouter", {"name": name})
    harness.simulator.seed_numbers(2, None)
    harness.simulator.seed_numbers(1, "somebody")
    run_sweeps(2)
    assert harness.sightings() == {}


def test_a_service_of_another_environment_is_skipped(harness: OrphanHarness) -> None:
    harness.set_environment(RAILWAY_ENVIRONMENT_ID="sim-staging")
    elsewhere, _ = harness.create_service("staging")
    harness.set_environment(RAILWAY_ENVIRONMENT_ID="sim-environment", ORPHANS="delete")
    assert run_sweeps(3) == {}
    assert elsewhere in harness.existing_ids()


def test_a_detached_volume_is_reported_only_if_the_journal_has_it(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture
) -> None:
    (own_service, own_volume), (other_service, other_volume) = (
        harness.create_service("mine"),
        harness.create_service("other"),
    )
    harness.insert_journal_entry(
        harness.insert_operation("mine", "failed"), "railway", "volume", "deleted", own_volume, service_id=own_service
    )
    harness.railway.delete_service(own_service)
    harness.railway.delete_service(other_service)
    harness.set_environment(ORPHANS="delete")
    assert run_sweeps(2) == {own_volume: "report"}
    (line,) = log_records(caplog, "orphan found")
    assert line["todo"] == "delete it by hand"
    assert run_sweeps() == {}
    assert harness.existing_ids() == {own_volume, other_volume}


def test_the_shared_phone_number_is_no_orphan(harness: OrphanHarness) -> None:
    number = harness.create_number("shared")
    harness.set_environment(TELNYX_PHONE_NUMBER=number)
    run_sweeps(2)
    assert harness.sightings() == {}


def test_a_dry_run_writes_nothing_and_reports_its_plan(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = harness.create_one_of_each("stray")
    assert run_sweeps(dry=True) == dict.fromkeys(ids, "watch")
    assert harness.sightings() == {}
    run_sweeps()
    before = harness.sightings()
    harness.set_environment(ORPHANS="delete")
    capsys.readouterr()
    since = len(harness.simulator.list_calls())
    report = sweep_orphans(True)
    assert {action["id"]: action["action"] for action in report["actions"]} == dict.fromkeys(ids, "delete")
    assert all(action.keys() == {"provider", "kind", "id", "name", "action", "reason"} for action in report["actions"])
    assert harness.sightings() == before
    assert caplog.records == []
    assert capsys.readouterr().out == ""
    calls = harness.simulator.list_calls()[since:]
    assert {call.method for call in calls if call.provider != "railway"} == {"GET"}
    assert not [call for call in calls if "Delete" in call.operation]
    assert harness.existing_ids() >= ids
    harness.set_environment(ORPHANS="report")
    assert run_sweeps(dry=True) == dict.fromkeys(ids, "report")
    run_sweeps()
    assert run_sweeps(dry=True) == dict.fromkeys(ids, "keep")


def test_the_metric_counts_orphans_of_each_provider(harness: OrphanHarness, capsys: pytest.CaptureFixture[str]) -> None:
    harness.create_one_of_each("stray")
    run_sweeps()
    capsys.readouterr()
    assert sweep_orphans(False)["orphans"] == {"railway": 2, "openrouter": 1, "agentmail": 1, "telnyx": 1}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert {line["provider"]: line["Orphans"] for line in lines} == {
        "railway": 2, "openrouter": 1, "agentmail": 1, "telnyx": 1,
    }  # fmt: skip


def test_no_secret_is_logged(
    harness: OrphanHarness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.create_one_of_each("stray")
    harness.set_environment(ORPHANS="delete")
    for provider, token in zip(PROVIDERS, TOKENS.values(), strict=True):
        harness.simulator.inject_fault(provider, "*", "refuse", times=1, status=403, message=f"bad credential {token}")
    run_sweeps(2)
    for provider, token in zip(PROVIDERS, TOKENS.values(), strict=True):
        for operation in ("keys.delete", "inboxes.delete", "numbers.delete", "volumeDelete"):
            harness.simulator.inject_fault(provider, operation, "refuse", status=403, message=f"bad credential {token}")
    run_sweeps(2)
    output = caplog.text + capsys.readouterr().out + str([vars(record) for record in caplog.records])
    assert len(log_records(caplog, "orphans not listed")) == len(log_records(caplog, "orphan not deleted")) == 4
    assert not [token for token in TOKENS.values() if token in output]


@pytest.mark.parametrize(("value", "deletes"), [("", False), ("report", False), ("delete", True)])
def test_only_the_word_delete_allows_deleting(harness: OrphanHarness, value: str, deletes: bool) -> None:
    harness.set_environment(ORPHANS=value)
    assert ReconcileSettings.load().delete_orphans is deletes


def test_any_other_word_is_rejected(harness: OrphanHarness) -> None:
    harness.set_environment(ORPHANS="yes")
    with pytest.raises(InvalidSetting, match="ORPHANS is wrong: it must be one of report, delete"):
        sweep_orphans(False)
