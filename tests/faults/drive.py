"""One case from its beginning to its end: set up, spoil, ask, wait, settle, judge."""

import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from local.errors import RunnerError
from tests.workflow.helpers import restart_postgres

from .ground import RECONCILER, Ground, NotInTime, until
from .judge import Answer, Facts, leaked, stuck, wrong
from .plan import DIES, FAULTS, MOST_OCCURRENCES, ONCE_EACH, PAST_TIMEOUT, SCENARIOS, Call, Case, Scenario

__all__ = ["Outcome", "discover", "run"]

ENDS_WITHIN = 90.0
SETTLES_WITHIN = 60.0
HELD = 0.7
"""Seconds that a call waits for its answer while something is done to us; less than its timeout."""

_CHANCES = 3
_TRIALS = 6

ENDPOINTS = {
    "create": "CreateInstanceFunction",
    "destroy": "DestroyInstanceFunction",
    "provision": "ProvisionFunction",
    "destroy_tool": "DestroyResourceFunction",
}
_numbers = itertools.count(1)


@dataclass
class Outcome:
    """How a case ended: nothing in the three lists is good."""

    case: Case
    leaks: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    stuck: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    reached: bool = True
    seconds: float = 0.0

    @property
    def bad(self) -> bool:
        return bool(self.leaks or self.wrong or self.stuck)


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: dict[str, Any] | None = None

    def make(self, ground: Ground) -> Answer:
        try:
            response = ground.api.request(self.method, self.path, json=self.body)
        except httpx.HTTPError as error:
            return Answer(0, None, {"error": repr(error)})
        try:
            body = response.json()
        except json.JSONDecodeError:
            body = None
        return Answer(response.status_code, body if isinstance(body, dict) else None, dict(response.headers))


class _Trial:
    """An instance in a scenario, set up as far as the operation to be spoilt wants it."""

    def __init__(self, ground: Ground, scenario: Scenario) -> None:
        self.ground, self.scenario = ground, scenario
        if scenario.cold:
            ground.renew()
        self.instance_id = f"f{os.getpid()}-{next(_numbers)}"
        self.before = {left.id for left in ground.leftovers()}
        self.request = self._set_up()
        self.since = ground.last_call()
        ground.told()

    def _set_up(self) -> _Request:
        kind, tools, instance_id = self.scenario.kind, list(self.scenario.tools), self.instance_id
        body = {"instanceId": instance_id, "name": f"convos-agent-{instance_id}", "tools": tools}
        if kind == "create":
            return _Request("POST", "/create-instance", body)
        if kind == "provision":
            body["tools"] = []
        made = _Request("POST", "/create-instance", body).make(self.ground)
        operation = self.operation("create")
        if made.status == 202 and operation:
            until(lambda: self._status(operation["id"]) != "running", ENDS_WITHIN, "the set-up")
        elif made.status != 200:
            raise NotInTime(f"the set-up was answered {made.status}: {made.body}")
        if kind == "destroy":
            return _Request("DELETE", f"/destroy/{instance_id}")
        if kind == "provision":
            return _Request("POST", f"/provision/{instance_id}/{tools[0]}")
        query = "SELECT resource_id FROM instance_services WHERE instance_id = %s"
        (row,) = self.ground.rows(query, instance_id)
        return _Request("DELETE", f"/destroy/{instance_id}/{tools[0]}/{quote(row['resource_id'], safe='')}")

    def operation(self, kind: str) -> dict[str, Any] | None:
        query = "SELECT id, kind, status FROM operations WHERE instance_id = %s AND kind = %s ORDER BY created_at DESC"
        return next(iter(self.ground.rows(query, self.instance_id, kind)), None)

    def _status(self, operation_id: str) -> str:
        return self.ground.rows("SELECT status FROM operations WHERE id = %s", operation_id)[0]["status"]

    def wait_for_end(self, kind: str = "") -> None:
        """Until the operation has ended, or its execution has without it, or there is none."""
        operation = self.operation(kind or self.scenario.kind)
        if operation is None:
            return

        def over() -> bool:
            # In this order: an execution that has ended cannot end the operation any more.
            runs = self.ground.execution_runs(operation["kind"], operation["id"])
            return self._status(operation["id"]) != "running" or not runs

        until(over, ENDS_WITHIN, "the end of the operation", every=0.1)

    def _at_work(self) -> bool:
        query = "SELECT id, kind FROM operations WHERE instance_id = %s AND status = 'running'"
        rows = self.ground.rows(query, self.instance_id)
        return any(self.ground.execution_runs(row["kind"], row["id"]) for row in rows)

    def facts(self) -> Facts:
        ground, instance_id = self.ground, self.instance_id
        operation = self.operation(self.scenario.kind)
        page = None
        if operation is not None:
            page = ground.api.get(f"/operations/{operation['id']}").json()
            page = page if "status" in page else {"status": f"none: {page}"}
        infra = ground.rows("SELECT * FROM instance_infra WHERE instance_id = %s", instance_id)
        state: dict[str, Any] = ground.simulator.state()["railway"]  # type: ignore[assignment]
        service_of = {one["volume_id"]: one.get("service_id") for one in state["volume_instances"].values()}
        service_id = infra[0]["provider_service_id"] if infra else ""
        instance = state["instances"].get(f"{service_id}:sim-environment") or {"variables": {}}
        return Facts(
            instance_id=instance_id,
            page=page,
            infra=infra[0] if infra else None,
            tools=ground.rows("SELECT * FROM instance_services WHERE instance_id = %s", instance_id),
            entries=ground.rows("SELECT * FROM operation_resources WHERE instance_id = %s", instance_id),
            operations=ground.rows("SELECT kind, status FROM operations WHERE instance_id = %s", instance_id),
            left=[left for left in ground.leftovers() if left.id not in self.before],
            service_of=service_of,
            variables=frozenset(instance["variables"]),
        )

    def settle(self, outcome: Outcome) -> None:
        """Let the reconciler work until nothing is restless, if there is one."""
        if not self.ground.has_reconciler:
            return
        deadline, failures = time.monotonic() + SETTLES_WITHIN, 0
        while stuck(self.facts()) and time.monotonic() < deadline and failures < 3:
            result = self.ground.stack.fire_schedule(RECONCILER)
            if result.error is not None:
                failures += 1
                outcome.notes.append(f"the reconciler failed: {result.payload!r}"[:300])
            until(lambda: not self._at_work(), ENDS_WITHIN, "what the reconciler has begun", every=0.1)


def discover(ground: Ground, scenario: Scenario) -> tuple[list[Call], Outcome]:
    """The calls that the operation makes when nobody spoils it, and how it ends then.

    A process that remembers makes fewer calls than one that is new. Which one is asked is chance, so only the calls of
    every trial count, until trials tell nothing new; in a scenario of new processes those of the first.
    """
    kept: list[Call] = []
    told_nothing = 0
    for number in range(1 if scenario.cold else _TRIALS):
        trial = _Trial(ground, scenario)
        _order_base(ground, scenario)
        statuses = {200, 202, 500} if scenario.base else {200, 202}
        outcome = _finish(trial, Outcome(Case(scenario.name, None, "none")), trial.request.make(ground), statuses)
        calls = _calls(ground, trial.since)
        before, kept = kept, calls if number == 0 else [call for call in kept if call in calls]
        told_nothing = told_nothing + 1 if kept == before else 0
        if outcome.bad or told_nothing == 2:
            break
    base = {(provider, operation) for provider, operation, _ in scenario.base}
    kept = [call for call in kept if call.nth <= MOST_OCCURRENCES and (call.provider, call.operation) not in base]
    return kept, outcome


def _calls(ground: Ground, since: int) -> list[Call]:
    calls: list[Call] = []
    for entry in ground.calls(since):
        name = entry.operation.split("+")[0]
        nth = 1 + sum((call.provider, call.operation) == (entry.provider, name) for call in calls)
        calls.append(Call(entry.provider, name, nth))
    return calls


def run(ground: Ground, case: Case) -> Outcome:
    """Run a case. What the driver itself could not do counts as a wrong answer.

    A case whose call was not made, because something else failed first on a busy machine, has more chances.
    """
    began = time.monotonic()
    outcome = Outcome(case)
    try:
        for _ in range(_CHANCES):
            outcome = Outcome(case)
            _run(ground, case, outcome)
            if outcome.reached or outcome.bad:
                break
    except (AssertionError, httpx.HTTPError, psycopg.Error, RunnerError, KeyError, ValueError) as error:
        outcome.wrong.append(f"{type(error).__name__}: {error}"[:300])
    if outcome.bad:
        ground.renew()
    outcome.seconds = time.monotonic() - began
    return outcome


def _run(ground: Ground, case: Case, outcome: Outcome) -> None:
    trial = _Trial(ground, SCENARIOS[case.scenario])
    _order_base(ground, trial.scenario)
    statuses = {200, 202, 500}
    if case.fault in ONCE_EACH:
        answer = _start_fails(trial, case.fault.split()[1])
        statuses = {200, 202, 503}
    elif case.fault in FAULTS:
        fault = FAULTS[case.fault]
        number = _order(ground, case.call, fault.kind, **fault.options)
        answer = trial.request.make(ground)
        trial.wait_for_end()
        outcome.reached = _struck(ground, number)
    else:
        before = case.fault == "killed before"
        seconds = HELD if case.fault in ("killed recorded", "endpoint killed", "Postgres restarted") else PAST_TIMEOUT
        number = _order(ground, case.call, "hang" if before else "hang_done", seconds=seconds)
        waiting = _Background(lambda: trial.request.make(ground))
        try:
            until(lambda: _struck(ground, number) or waiting.done, 30, "the call", every=0.01)
            outcome.reached = _struck(ground, number)
            if outcome.reached:
                statuses |= _strike(trial, case.fault, outcome)
        finally:
            answer = waiting.answer()
        if case.fault == "endpoint killed":
            answer = replace(answer, from_gateway=True)
    _finish(trial, outcome, answer, statuses)
    if case.again and not outcome.bad:
        _ask_again(trial, outcome)


def _finish(trial: _Trial, outcome: Outcome, answer: Answer, statuses: set[int]) -> Outcome:
    """Wait for the end, judge what was said then, and what has become of it."""
    ground = trial.ground
    trial.wait_for_end()
    ground.simulator.clear_faults()
    ground.until_quiet(trial.since)
    outcome.wrong += wrong(trial.scenario, answer, trial.facts(), statuses)
    trial.settle(outcome)
    facts = trial.facts()
    outcome.leaks += leaked(facts)
    outcome.stuck += stuck(facts)
    if outcome.bad:
        outcome.notes.append(f"answered {answer.status} {json.dumps(answer.body)}"[:600])
        outcome.notes.append(f"operation {json.dumps(facts.page)}"[:1500])
        outcome.notes += [
            f"entry {entry['provider']} {entry['kind']} {entry['state']} {entry['resource_id']}"
            for entry in facts.entries
        ]
        outcome.notes += [f"log {line}"[:300] for line in ground.told()[-15:]]
        outcome.notes.append("calls: " + " ".join(_shown(call) for call in ground.calls(trial.since))[:1500])
    return outcome


def _shown(call: Any) -> str:
    fault = f"({call.fault}{'' if call.committed else ', not done'})" if call.fault else ""
    return f"{call.operation}={call.status}{fault}"


def _ask_again(trial: _Trial, outcome: Outcome) -> None:
    """The same request once more: it succeeds, or says that there is nothing to do any more."""
    kind = trial.scenario.kind
    done = {"destroy": 404, "provision": 409}.get(kind)
    answer = trial.request.make(trial.ground)
    trial.wait_for_end()
    if answer.status not in (200, 202, done):
        outcome.wrong.append(f"the same request again was answered {answer.status}: {answer.body}"[:400])
    facts = trial.facts()
    outcome.leaks += [f"again: {thing}" for thing in leaked(facts)]
    outcome.stuck += [f"again: {thing}" for thing in stuck(facts)]
    if kind == "create":
        gone = _Request("DELETE", f"/destroy/{trial.instance_id}").make(trial.ground)
        trial.wait_for_end("destroy")
        left = trial.facts().left
        if gone.status not in (200, 202) or left:
            outcome.leaks.append(f"again: destroy was answered {gone.status}, left {left}")


def _order_base(ground: Ground, scenario: Scenario) -> None:
    for provider, operation, kind in scenario.base:
        ground.simulator.fault(provider, operation, kind, times=None)  # type: ignore[arg-type]


def _order(ground: Ground, call: Call | None, kind: str, **options: Any) -> int:
    assert call is not None
    return ground.simulator.fault(call.provider, call.operation, kind, after=call.nth - 1, **options)  # type: ignore[arg-type]


def _struck(ground: Ground, number: int) -> bool:
    return any(fault["id"] == number and fault["struck"] for fault in ground.simulator.faults())


def _start_fails(trial: _Trial, how: str) -> Answer:
    with trial.ground.start_fails(how):
        return trial.request.make(trial.ground)


def _strike(trial: _Trial, what: str, outcome: Outcome) -> set[int]:
    """Do it while the call waits. Returns the statuses that the client may see because of it."""
    ground = trial.ground
    if what == "endpoint killed":
        endpoint = ENDPOINTS[trial.scenario.kind]
        victims = ground.busy(endpoint)
        # On a busy machine it may have answered 202 before its operation came to this call.
        outcome.reached = bool(victims)
        for pid in victims:
            ground.kill(pid)
        return {500, 502, 503}
    if what == "Postgres restarted":
        restart_postgres(ground.stack)
        return {503}
    assert what in DIES
    victims = _victims(ground)
    outcome.notes += [f"killed {', '.join(victims.values())}"]
    # Nobody, or others too: that is another case than the one that is wanted.
    outcome.reached = len(victims) == 1
    with ground.steps_held() if what == "killed recorded" else contextlib.nullcontext():
        for pid in victims:
            if what == "killed recorded":
                until(lambda pid=pid: ground.blocked(pid) or pid not in ground.busy(), 20, "the task's last word")
                outcome.reached = outcome.reached and ground.blocked(pid)
            ground.kill(pid)
    return set()


def _victims(ground: Ground) -> dict[int, str]:
    """The task whose call waits: the only one still at work soon after, since nobody else's call does."""
    deadline = time.monotonic() + HELD - 0.2
    while True:
        busy = ground.busy()
        if len(busy) == 1 or time.monotonic() > deadline:
            return busy
        time.sleep(0.02)


class _Background:
    """A request that is being made."""

    def __init__(self, work: Callable[[], Answer]) -> None:
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(work()), daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def answer(self) -> Answer:
        self._thread.join(70)
        if not self._answers:
            raise NotInTime("no answer in 70 s")
        return self._answers[0]
