"""The matrix detects what it is meant to detect. `make faults` runs the matrix itself."""

from dataclasses import replace

from local.simulator.control.leftovers import Leftover

from .case_runner import Outcome
from .cases import SCENARIOS, Call, Case, build_cases, select_short_form
from .invariants import ClientResponse, Facts, find_leaks, find_stuck, find_wrong_answers
from .report import has_passed

JSON = {"content-type": "application/json"}
PAGE = {"operationId": "op-1", "instanceId": "a", "kind": "create", "steps": [], "createdAt": "", "updatedAt": ""}
NO_LEFTOVERS = Facts("a", {**PAGE, "status": "failed", "error": {"message": "no"}}, None, [], [], [], [])
KEY = Leftover("openrouter", "key", "k-1", "convos-agent-a")
FAILED_RESPONSE = ClientResponse(500, {"error": "no", "operationId": "op-1"}, JSON)
CREATE = SCENARIOS["create"]


def test_failed_create_without_leftovers_has_no_findings() -> None:
    assert (
        find_leaks(NO_LEFTOVERS),
        find_stuck(NO_LEFTOVERS),
        find_wrong_answers(CREATE, FAILED_RESPONSE, NO_LEFTOVERS, {500}),
    ) == ([], [], [])


def test_resource_of_no_live_instance_is_a_leak() -> None:
    with_leftover = replace(NO_LEFTOVERS, leftovers=[KEY])
    assert find_leaks(with_leftover) == ["openrouter key k-1"]
    assert find_wrong_answers(CREATE, FAILED_RESPONSE, with_leftover, {500}) != []
    row = {"provider_service_id": "s-1", "volume_id": None}
    assert find_leaks(replace(with_leftover, infra=row)) == ["openrouter key k-1"]
    assert find_leaks(replace(with_leftover, infra=row, tools=[{"resource_id": "k-1"}])) == []


def test_duplicate_resource_is_a_leak() -> None:
    infra = {"provider_service_id": "s-1", "volume_id": None}
    twice = replace(NO_LEFTOVERS, infra=infra, leftovers=[KEY, KEY], tools=[{"resource_id": "k-1"}])
    assert find_leaks(twice) == ["2 of openrouter key"]


def test_unsettled_operations_and_entries_are_stuck() -> None:
    entry = {"provider": "railway", "kind": "service", "state": "intended"}
    unsettled = replace(NO_LEFTOVERS, operations=[{"kind": "create", "status": "leaked"}], entries=[entry])
    assert len(find_stuck(unsettled)) == 2


def test_unreported_leftover_is_a_wrong_answer() -> None:
    page = {**PAGE, "status": "leaked", "error": {"message": "no", "left": []}}
    assert find_wrong_answers(CREATE, FAILED_RESPONSE, replace(NO_LEFTOVERS, page=page, leftovers=[KEY]), {500}) == [
        "left and not reported: ['openrouter']"
    ]
    page = {**page, "error": {"message": "no", "left": ["openrouter"]}}
    assert find_wrong_answers(CREATE, FAILED_RESPONSE, replace(NO_LEFTOVERS, page=page, leftovers=[KEY]), {500}) == []


def test_answers_that_break_the_contract_are_wrong() -> None:
    assert (
        find_wrong_answers(CREATE, ClientResponse(500, None, {"content-type": "text/html"}), NO_LEFTOVERS, {500}) != []
    )
    assert find_wrong_answers(CREATE, ClientResponse(503, {"error": "no"}, JSON), NO_LEFTOVERS, {200, 500}) != []
    assert find_wrong_answers(CREATE, ClientResponse(200, {}, JSON), replace(NO_LEFTOVERS, page=None), {200}) != []


def test_success_of_an_incomplete_instance_is_wrong() -> None:
    result = {"instanceId": "a", "serviceId": "s-1", "url": "https://a", "services": {}}
    facts = replace(NO_LEFTOVERS, page={**PAGE, "status": "succeeded", "result": result})
    found = find_wrong_answers(CREATE, ClientResponse(200, result, JSON), facts, {200})
    assert "the instance has no row" in found
    assert any("asked for" in line for line in found)


def test_short_form_has_every_call_once_and_is_stable() -> None:
    calls = [Call("railway", "serviceCreate", 1), Call("telnyx", "numbers.list", 1), Call("telnyx", "numbers.list", 2)]
    cases = [case for name in ("create", "destroy") for case in build_cases(SCENARIOS[name], calls)]
    chosen = select_short_form(cases)
    assert [case.call for case in chosen] == calls[:2]
    assert select_short_form(reversed(cases)) == chosen


def test_a_run_passes_only_if_every_fault_struck_without_findings() -> None:
    passed = Outcome(Case("create", None, "none"))
    assert has_passed([passed], 0)
    assert not has_passed([passed], 1)
    assert not has_passed([replace(passed, reached=False)], 0)
    assert not has_passed([passed, replace(passed, leaks=["a key"])], 0)
