"""That the matrix sees what it is there to see. The matrix itself is `make faults`."""

from dataclasses import replace

from local.simulator.leftovers import Leftover

from .drive import Outcome
from .judge import Answer, Facts, leaked, stuck, wrong
from .plan import SCENARIOS, Call, Case, cases_of, short_form
from .table import good

JSON = {"content-type": "application/json"}
PAGE = {"operationId": "op-1", "instanceId": "a", "kind": "create", "steps": [], "createdAt": "", "updatedAt": ""}
NOTHING = Facts("a", {**PAGE, "status": "failed", "error": {"message": "no"}}, None, [], [], [], [])
KEY = Leftover("openrouter", "key", "k-1", "convos-agent-a")
REFUSED = Answer(500, {"error": "no", "operationId": "op-1"}, JSON)
CREATE = SCENARIOS["create"]


def test_failed_create_that_left_nothing_is_right() -> None:
    assert (leaked(NOTHING), stuck(NOTHING), wrong(CREATE, REFUSED, NOTHING, {500})) == ([], [], [])


def test_what_no_live_instance_names_is_a_leak() -> None:
    left = replace(NOTHING, left=[KEY])
    assert leaked(left) == ["openrouter key k-1"]
    assert wrong(CREATE, REFUSED, left, {500}) != []
    row = {"provider_service_id": "s-1", "volume_id": None}
    assert leaked(replace(left, infra=row)) == ["openrouter key k-1"]
    assert leaked(replace(left, infra=row, tools=[{"resource_id": "k-1"}])) == []


def test_two_of_a_kind_are_a_leak_even_where_both_are_named() -> None:
    infra = {"provider_service_id": "s-1", "volume_id": None}
    twice = replace(NOTHING, infra=infra, left=[KEY, KEY], tools=[{"resource_id": "k-1"}])
    assert leaked(twice) == ["2 of openrouter key"]


def test_what_does_not_come_to_rest_is_stuck() -> None:
    entry = {"provider": "railway", "kind": "service", "state": "intended"}
    restless = replace(NOTHING, operations=[{"kind": "create", "status": "leaked"}], entries=[entry])
    assert len(stuck(restless)) == 2


def test_what_is_left_and_not_told_is_a_wrong_answer() -> None:
    page = {**PAGE, "status": "leaked", "error": {"message": "no", "left": []}}
    assert wrong(CREATE, REFUSED, replace(NOTHING, page=page, left=[KEY]), {500}) == [
        "left and not told: ['openrouter']"
    ]
    page = {**page, "error": {"message": "no", "left": ["openrouter"]}}
    assert wrong(CREATE, REFUSED, replace(NOTHING, page=page, left=[KEY]), {500}) == []


def test_answers_that_break_the_contract_are_wrong() -> None:
    assert wrong(CREATE, Answer(500, None, {"content-type": "text/html"}), NOTHING, {500}) != []
    assert wrong(CREATE, Answer(503, {"error": "no"}, JSON), NOTHING, {200, 500}) != []
    assert wrong(CREATE, Answer(200, {}, JSON), replace(NOTHING, page=None), {200}) != []


def test_success_of_an_instance_that_is_not_whole_is_wrong() -> None:
    result = {"instanceId": "a", "serviceId": "s-1", "url": "https://a", "services": {}}
    facts = replace(NOTHING, page={**PAGE, "status": "succeeded", "result": result})
    found = wrong(CREATE, Answer(200, result, JSON), facts, {200})
    assert "the instance has no row" in found
    assert any("asked for" in line for line in found)


def test_short_form_has_every_call_once_and_does_not_change() -> None:
    calls = [Call("railway", "serviceCreate", 1), Call("telnyx", "numbers.list", 1), Call("telnyx", "numbers.list", 2)]
    cases = [case for name in ("create", "destroy") for case in cases_of(SCENARIOS[name], calls)]
    chosen = short_form(cases)
    assert [case.call for case in chosen] == calls[:2]
    assert short_form(reversed(cases)) == chosen


def test_a_run_is_good_only_if_every_fault_struck_and_nothing_was_wrong() -> None:
    fine = Outcome(Case("create", None, "none"))
    assert good([fine], 0)
    assert not good([fine], 1)
    assert not good([replace(fine, reached=False)], 0)
    assert not good([fine, replace(fine, leaks=["a key"])], 0)
