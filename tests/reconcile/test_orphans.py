"""The reconciler's second half: what nobody knows is seen twice, looked at, and reported."""

import json

import pytest

from pointsman.errors import MissingSetting
from pointsman.lifecycle.orphans import sweep
from pointsman.settings.reconcile import ReconcileSettings
from tests.reconcile.strays import ALL, TOKENS, Strays, admin, said, swept


def test_each_providers_stray_is_reported_at_the_second_sight(strays: Strays, caplog: pytest.LogCaptureFixture) -> None:
    ids = strays.one_of_each("stray")
    assert swept() == {}
    assert strays.rows().keys() == ids
    assert swept() == dict.fromkeys(ids, "report")
    lines = said(caplog, "orphan: known to nobody")
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
    assert strays.there() >= ids


def test_it_is_reported_once(strays: Strays, caplog: pytest.LogCaptureFixture) -> None:
    strays.key("stray")
    swept(5)
    assert len(said(caplog, "orphan: known to nobody")) == 1
    (row,) = strays.rows().values()
    assert (row["sightings"], row["reported_at"] is not None) == (5, True)


def test_two_sights_must_be_far_enough_apart(strays: Strays) -> None:
    service_id, *_ = strays.simulator.seed_services(1, bare=True)
    strays.given(ORPHAN_AFTER_SECONDS="3600")
    assert swept(3) == {}
    assert strays.rows()[service_id]["sightings"] == 3
    strays.age()
    assert swept() == {service_id: "report"}


def test_what_is_young_is_not_seen(strays: Strays) -> None:
    strays.one_of_each("young")
    strays.given(ORPHAN_AFTER_SECONDS="3600")
    assert swept() == {}
    assert strays.rows() == {}


def test_what_a_complete_listing_lacks_is_forgotten_and_begins_anew(strays: Strays) -> None:
    ids = {strays.simulator.seed_services(1, bare=True)[0], strays.number("stray")}
    swept()
    strays.simulator.config({"railway": {"service_lag_s": 7200}, "telnyx": {"page_max": 250}})
    (service_id,) = (one for one in ids if not one.startswith("+"))
    assert service_id not in swept()
    assert strays.rows().keys() == ids - {service_id}
    strays.simulator.config({"railway": {"service_lag_s": 0}})
    assert service_id not in swept()
    assert swept() == {service_id: "report"}


def test_what_gets_another_name_begins_anew(strays: Strays) -> None:
    key = strays.key("stray")
    swept()
    admin(strays.simulator.bases.openrouter, "PATCH", f"/keys/{key}", {"name": "convos-agent-kept"})
    assert swept() == {}
    assert strays.rows()[key]["sightings"] == 1


@pytest.mark.parametrize(("provider", "operation"), [
    ("openrouter", "keys.list"), ("agentmail", "inboxes.list"), ("telnyx", "numbers.list"), ("railway", "environment"),
    ("railway", "project"),
])  # fmt: skip
def test_a_provider_that_cannot_be_read_is_left_as_it_was(
    strays: Strays, caplog: pytest.LogCaptureFixture, provider: str, operation: str
) -> None:
    strays.one_of_each("stray")
    swept()
    before = strays.rows()
    strays.simulator.fault(provider, operation, "server_error", times=None)
    answer = sweep(False)
    assert answer["skipped"].keys() == {provider}
    assert {one["provider"] for one in answer["actions"]} == set(ALL) - {provider}
    assert [line["provider"] for line in said(caplog, "orphans were not looked for")] == [provider]
    after = strays.rows()
    assert {one: row for one, row in after.items() if row["provider"] == provider} == {
        one: row for one, row in before.items() if row["provider"] == provider
    }


def test_tools_without_credentials_are_passed_over(strays: Strays) -> None:
    strays.one_of_each("stray")
    swept()
    strays.given(OPENROUTER_MANAGEMENT_KEY="", AGENTMAIL_API_KEY="", TELNYX_API_KEY="")
    answer = sweep(False)
    assert answer["skipped"] == {}
    assert answer["orphans"] == {"railway": 2}
    assert len(strays.rows()) == 5


def test_what_is_gone_when_looked_at_is_not_reported(
    strays: Strays, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = strays.one_of_each("stray")
    swept()
    for name in ("openrouter.OpenRouter", "agentmail.AgentMail", "telnyx.Telnyx"):
        monkeypatch.setattr(f"pointsman.providers.{name}.exists", lambda self, one: False)
    monkeypatch.setattr("pointsman.providers.railway.Railway.service_exists", lambda self, one: False)
    answer = sweep(False)
    assert {one["kind"] for one in answer["actions"]} == {"volume"}
    assert answer["orphans"] == {"railway": 1, "openrouter": 0, "agentmail": 0, "telnyx": 0}
    assert {line["kind"] for line in said(caplog, "orphan: known to nobody")} == {"volume"}
    assert strays.there() >= ids


def test_names_that_are_not_ours_and_the_pool_manager_are_passed_over(strays: Strays) -> None:
    for name in ("convos-agent-pool-manager", "convos-agents", "other", "Convos-Agent-x"):
        strays.railway.create_service(name)
        strays._tool("openrouter", {"name": name})
    strays.simulator.seed_numbers(2, None)
    strays.simulator.seed_numbers(1, "somebody")
    swept(2)
    assert strays.rows() == {}


def test_a_service_that_is_deployed_in_another_environment_is_not_ours(strays: Strays) -> None:
    strays.given(RAILWAY_ENVIRONMENT_ID="sim-staging")
    elsewhere, _ = strays.service("staging")
    strays.given(RAILWAY_ENVIRONMENT_ID="sim-environment", ORPHANS="delete")
    assert swept(3) == {}
    assert elsewhere in strays.there()


def test_a_volume_of_no_service_is_told_only_if_the_journal_once_had_it(
    strays: Strays, caplog: pytest.LogCaptureFixture
) -> None:
    (mine, my_volume), (other, other_volume) = strays.service("mine"), strays.service("other")
    strays.entry(strays.operation("mine", "failed"), "railway", "volume", "deleted", my_volume, service_id=mine)
    strays.railway.delete_service(mine)
    strays.railway.delete_service(other)
    strays.given(ORPHANS="delete")
    assert swept(2) == {my_volume: "report"}
    (line,) = said(caplog, "orphan: known to nobody")
    assert line["todo"] == "delete it by hand"
    assert swept() == {}
    assert strays.there() == {my_volume, other_volume}


def test_the_number_that_all_instances_are_given_is_nobodys_orphan(strays: Strays) -> None:
    number = strays.number("shared")
    strays.given(TELNYX_PHONE_NUMBER=number)
    swept(2)
    assert strays.rows() == {}


def test_a_dry_run_writes_nothing_and_says_what_it_would_do(
    strays: Strays, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = strays.one_of_each("stray")
    assert swept(dry=True) == dict.fromkeys(ids, "watch")
    assert strays.rows() == {}
    swept()
    before = strays.rows()
    strays.given(ORPHANS="delete")
    capsys.readouterr()
    since = len(strays.simulator.calls())
    answer = sweep(True)
    assert {one["id"]: one["action"] for one in answer["actions"]} == dict.fromkeys(ids, "delete")
    assert all(one.keys() == {"provider", "kind", "id", "name", "action"} for one in answer["actions"])
    assert strays.rows() == before
    assert caplog.records == []
    assert capsys.readouterr().out == ""
    calls = strays.simulator.calls()[since:]
    assert {call.method for call in calls if call.provider != "railway"} == {"GET"}
    assert not [call for call in calls if "Delete" in call.operation]
    assert strays.there() >= ids
    strays.given(ORPHANS="report")
    assert swept(dry=True) == dict.fromkeys(ids, "report")
    swept()
    assert swept(dry=True) == dict.fromkeys(ids, "keep")


def test_the_metric_counts_orphans_of_each_provider(strays: Strays, capsys: pytest.CaptureFixture[str]) -> None:
    strays.one_of_each("stray")
    swept()
    capsys.readouterr()
    assert sweep(False)["orphans"] == {"railway": 2, "openrouter": 1, "agentmail": 1, "telnyx": 1}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert {line["provider"]: line["Orphans"] for line in lines} == {
        "railway": [2], "openrouter": [1], "agentmail": [1], "telnyx": [1],
    }  # fmt: skip


def test_no_secret_is_logged(
    strays: Strays, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    strays.one_of_each("stray")
    strays.given(ORPHANS="delete")
    for provider, token in zip(ALL, TOKENS.values(), strict=True):
        strays.simulator.fault(provider, "*", "refuse", times=1, status=403, message=f"bad credential {token}")
    swept(2)
    for provider, token in zip(ALL, TOKENS.values(), strict=True):
        for operation in ("keys.delete", "inboxes.delete", "numbers.delete", "volumeDelete"):
            strays.simulator.fault(provider, operation, "refuse", status=403, message=f"bad credential {token}")
    swept(2)
    told = caplog.text + capsys.readouterr().out + str([vars(record) for record in caplog.records])
    assert len(said(caplog, "orphans were not looked for")) == len(said(caplog, "orphan was left for now")) == 4
    assert not [token for token in TOKENS.values() if token in told]


@pytest.mark.parametrize(("value", "deletes"), [("", False), ("report", False), ("delete", True)])
def test_only_the_word_delete_allows_deleting(strays: Strays, value: str, deletes: bool) -> None:
    strays.given(ORPHANS=value)
    assert ReconcileSettings.load().delete_orphans is deletes


def test_any_other_word_is_refused(strays: Strays) -> None:
    strays.given(ORPHANS="yes")
    with pytest.raises(MissingSetting, match="ORPHANS"):
        sweep(False)
