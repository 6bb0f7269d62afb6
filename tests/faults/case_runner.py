"""Running one case: set up, inject the fault, send the request, wait, settle, evaluate."""

import contextlib
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from local.errors import RunnerError
from tests.harness.background import run_in_background
from tests.harness.database import restart_postgres
from tests.harness.ids import unique_id
from tests.harness.instances import create_request
from tests.harness.step_functions import fail_start_execution
from tests.harness.wait import WaitTimeout, wait_until

from .cases import (
    BEYOND_TIMEOUT,
    FAULTS,
    MAX_OCCURRENCES,
    SCENARIOS,
    START_FAILURES,
    TASK_KILLS,
    TIMEOUT_SECONDS,
    Call,
    Case,
    Scenario,
)
from .fault_stack import RECONCILER, FaultStack
from .injection import has_struck, inject_base_faults, inject_call_fault, inject_fault
from .invariants import ClientResponse, Facts, find_leaks, find_stuck, find_wrong_answers

__all__ = ["Outcome", "discover_calls", "run_case"]

END_TIMEOUT = 90.0
SETTLE_TIMEOUT = 60.0
HOLD_SECONDS = 0.9
"""Seconds that a provider holds a response during a disruption; less than the provider timeout."""

_MAX_ATTEMPTS = 3
_MAX_DISCOVERY_TRIALS = 6

ENDPOINTS = {
    "create": "CreateInstanceFunction",
    "destroy": "DestroyInstanceFunction",
    "provision": "ProvisionFunction",
    "destroy_tool": "DestroyResourceFunction",
}


@dataclass
class Outcome:
    """How a case ended; anything in one of the first three lists is a finding."""

    case: Case
    leaks: list[str] = field(default_factory=list[str])
    wrong_answers: list[str] = field(default_factory=list[str])
    stuck_operations: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    reached: bool = True
    seconds: float = 0.0

    @property
    def has_findings(self) -> bool:
        return bool(self.leaks or self.wrong_answers or self.stuck_operations)


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: dict[str, Any] | None = None

    def send(self, fault_stack: FaultStack) -> ClientResponse:
        try:
            response = fault_stack.api.request(self.method, self.path, json=self.body)
        except httpx.HTTPError as error:
            return ClientResponse(0, None, {"error": repr(error)})
        try:
            body = response.json()
        except json.JSONDecodeError:
            body = None
        return ClientResponse(response.status_code, body if isinstance(body, dict) else None, dict(response.headers))


NUMBER_LISTED_SECONDS = 0.6
"""After what time the simulator lists a number: its order takes 0.3 s, and it is hidden for 0.2 s more."""


class _Trial:
    """An instance that is set up for the scenario's operation."""

    def __init__(self, fault_stack: FaultStack, scenario: Scenario) -> None:
        self.fault_stack, self.scenario = fault_stack, scenario
        if scenario.cold:
            fault_stack.reset_all()
        self.instance_id = unique_id("f")
        self.ids_before = {leftover.id for leftover in fault_stack.simulator.list_leftovers()}
        self.request = self._set_up()
        self.first_sequence = fault_stack.last_call_sequence()
        fault_stack.take_warnings()

    def _set_up(self) -> _Request:
        kind, tools, instance_id = self.scenario.kind, list(self.scenario.tools), self.instance_id
        body = create_request(instance_id, tools)
        if kind == "create":
            return _Request("POST", "/create-instance", body)
        if kind == "provision":
            body["tools"] = []
        response = _Request("POST", "/create-instance", body).send(self.fault_stack)
        operation = self.find_operation("create")
        if response.status == 202 and operation:
            wait_until(lambda: self._status(operation["id"]) != "running", END_TIMEOUT, "the set-up")
        elif response.status != 200:
            raise WaitTimeout(f"the set-up got {response.status}: {response.body}")
        if "telnyx" in body["tools"]:
            # A create does not wait until its number is listed. Which calls its deletion makes depends on that.
            time.sleep(NUMBER_LISTED_SECONDS)
        if kind == "destroy":
            return _Request("DELETE", f"/destroy/{instance_id}")
        if kind == "provision":
            return _Request("POST", f"/provision/{instance_id}/{tools[0]}")
        query = "SELECT resource_id FROM instance_services WHERE instance_id = %s"
        (row,) = self.fault_stack.fetch_rows(query, instance_id)
        return _Request("DELETE", f"/destroy/{instance_id}/{tools[0]}/{quote(row['resource_id'], safe='')}")

    def find_operation(self, kind: str) -> dict[str, Any] | None:
        query = "SELECT id, kind, status FROM operations WHERE instance_id = %s AND kind = %s ORDER BY created_at DESC"
        return next(iter(self.fault_stack.fetch_rows(query, self.instance_id, kind)), None)

    def _status(self, operation_id: str) -> str:
        return self.fault_stack.fetch_rows("SELECT status FROM operations WHERE id = %s", operation_id)[0]["status"]

    def wait_for_end(self, kind: str = "") -> None:
        """Wait until the operation or its execution has ended; return at once where there is none."""
        operation = self.find_operation(kind or self.scenario.kind)
        if operation is None:
            return

        def has_ended() -> bool:
            # In this order: an execution that has ended cannot end the operation any more.
            runs = self.fault_stack.is_execution_running(operation["kind"], operation["id"])
            return self._status(operation["id"]) != "running" or not runs

        wait_until(has_ended, END_TIMEOUT, "the end of the operation", interval=0.1)

    def _is_executing(self) -> bool:
        query = "SELECT id, kind FROM operations WHERE instance_id = %s AND status = 'running'"
        rows = self.fault_stack.fetch_rows(query, self.instance_id)
        return any(self.fault_stack.is_execution_running(row["kind"], row["id"]) for row in rows)

    def collect_facts(self) -> Facts:
        fault_stack, instance_id = self.fault_stack, self.instance_id
        operation = self.find_operation(self.scenario.kind)
        page = None
        if operation is not None:
            page = fault_stack.api.get(f"/operations/{operation['id']}").json()
            page = page if "status" in page else {"status": f"none: {page}"}
        infra = fault_stack.fetch_rows("SELECT * FROM instance_infra WHERE instance_id = %s", instance_id)
        state: dict[str, Any] = fault_stack.simulator.get_state()["railway"]  # type: ignore[assignment]
        service_of = {volume["volume_id"]: volume.get("service_id") for volume in state["volume_instances"].values()}
        service_id = infra[0]["provider_service_id"] if infra else ""
        instance = state["instances"].get(f"{service_id}:sim-environment") or {"variables": {}}
        return Facts(
            instance_id=instance_id,
            page=page,
            infra=infra[0] if infra else None,
            tools=fault_stack.fetch_rows("SELECT * FROM instance_services WHERE instance_id = %s", instance_id),
            entries=fault_stack.fetch_rows("SELECT * FROM operation_resources WHERE instance_id = %s", instance_id),
            operations=fault_stack.fetch_rows(
                "SELECT kind, status FROM operations WHERE instance_id = %s", instance_id
            ),
            leftovers=[
                leftover for leftover in fault_stack.simulator.list_leftovers() if leftover.id not in self.ids_before
            ],
            service_by_volume=service_of,
            variables=frozenset(instance["variables"]),
        )

    def reconcile_until_settled(self, outcome: Outcome) -> None:
        """Fire the reconciler until no operation or entry is unsettled, if there is a reconciler."""
        if not self.fault_stack.has_reconciler:
            return
        deadline, failures = time.monotonic() + SETTLE_TIMEOUT, 0
        while find_stuck(self.collect_facts()) and time.monotonic() < deadline and failures < 3:
            result = self.fault_stack.stack.fire_schedule(RECONCILER)
            if result.error is not None:
                failures += 1
                outcome.notes.append(f"the reconciler failed: {result.payload!r}"[:300])
            wait_until(lambda: not self._is_executing(), END_TIMEOUT, "the reconciler's operations", interval=0.1)


def discover_calls(fault_stack: FaultStack, scenario: Scenario) -> tuple[list[Call], Outcome]:
    """List the calls that the operation makes without a fault, and its outcome.

    A process with a cache makes fewer calls than a new one, and which one serves a trial is chance. So only calls of
    every trial count, until two trials in a row remove none; in a scenario of new processes those of the first trial.
    """
    kept: list[Call] = []
    unchanged_trials = 0
    for number in range(1 if scenario.cold else _MAX_DISCOVERY_TRIALS):
        trial = _Trial(fault_stack, scenario)
        inject_base_faults(fault_stack, scenario)
        statuses = {200, 202, 500} if scenario.base_faults else {200, 202}
        outcome = _collect_outcome(
            trial, Outcome(Case(scenario.name, None, "none")), trial.request.send(fault_stack), statuses
        )
        calls = _list_calls(fault_stack, trial.first_sequence)
        previous, kept = kept, calls if number == 0 else [call for call in kept if call in calls]
        unchanged_trials = unchanged_trials + 1 if kept == previous else 0
        if outcome.has_findings or unchanged_trials == 2:
            break
    base = {(provider, operation) for provider, operation, _ in scenario.base_faults}
    kept = [call for call in kept if call.occurrence <= MAX_OCCURRENCES and (call.provider, call.operation) not in base]
    return kept, outcome


def _list_calls(fault_stack: FaultStack, after_sequence: int) -> list[Call]:
    calls: list[Call] = []
    for entry in fault_stack.calls(after_sequence):
        name = entry.operation.split("+")[0]
        nth = 1 + sum((call.provider, call.operation) == (entry.provider, name) for call in calls)
        calls.append(Call(entry.provider, name, nth))
    return calls


def run_case(fault_stack: FaultStack, case: Case) -> Outcome:
    """Run a case. A failure of the runner itself counts as a wrong answer.

    A case whose call was not made, because something else failed first on a busy machine, is repeated.
    """
    started_at = time.monotonic()
    outcome = Outcome(case)
    try:
        for _ in range(_MAX_ATTEMPTS):
            outcome = Outcome(case)
            with fault_stack.keep_config():
                _run_once(fault_stack, case, outcome)
            if outcome.reached or outcome.has_findings:
                break
    except (AssertionError, httpx.HTTPError, psycopg.Error, RunnerError, KeyError, ValueError) as error:
        outcome.wrong_answers.append(f"{type(error).__name__}: {error}"[:300])
    if outcome.has_findings:
        fault_stack.reset_all()
    outcome.seconds = time.monotonic() - started_at
    return outcome


def _run_once(fault_stack: FaultStack, case: Case, outcome: Outcome) -> None:
    trial = _Trial(fault_stack, SCENARIOS[case.scenario])
    inject_base_faults(fault_stack, trial.scenario)
    statuses = {200, 202, 500}
    if case.fault in START_FAILURES:
        with fail_start_execution(fault_stack.stack, "lost" if case.fault == "start lost" else "refused"):
            response = trial.request.send(fault_stack)
        statuses = {200, 202, 503}
    elif case.fault in FAULTS:
        fault_id = inject_call_fault(fault_stack, case.call, FAULTS[case.fault])
        response = trial.request.send(fault_stack)
        trial.wait_for_end()
        outcome.reached = has_struck(fault_stack, fault_id)
    else:
        dies_before = case.fault == "killed before"
        seconds = (
            HOLD_SECONDS
            if case.fault in ("killed recorded", "endpoint killed", "Postgres restarted")
            else BEYOND_TIMEOUT
        )
        fault_id = inject_fault(fault_stack, case.call, "hang" if dies_before else "hang_done", seconds=seconds)
        request = run_in_background(lambda: trial.request.send(fault_stack))
        try:
            wait_until(lambda: has_struck(fault_stack, fault_id) or request.is_done, 30, "the call", interval=0.01)
            outcome.reached = has_struck(fault_stack, fault_id)
            if outcome.reached:
                statuses |= _disrupt(trial, case.fault, outcome)
        finally:
            response = request.result(70)
        if case.fault == "endpoint killed":
            response = replace(response, from_gateway=True)
    _collect_outcome(trial, outcome, response, statuses)
    if case.repeats_request and not outcome.has_findings:
        _repeat_request(trial, outcome)


def _collect_outcome(trial: _Trial, outcome: Outcome, response: ClientResponse, statuses: set[int]) -> Outcome:
    """Wait for the end; evaluate the response, then what is left once the reconciler has settled everything."""
    fault_stack = trial.fault_stack
    trial.wait_for_end()
    fault_stack.simulator.clear_faults()
    fault_stack.wait_until_quiet(trial.first_sequence)
    outcome.wrong_answers += find_wrong_answers(trial.scenario, response, trial.collect_facts(), statuses)
    trial.reconcile_until_settled(outcome)
    facts = trial.collect_facts()
    outcome.leaks += find_leaks(facts)
    outcome.stuck_operations += find_stuck(facts)
    if outcome.has_findings:
        outcome.notes.append(f"response {response.status} {json.dumps(response.body)}"[:600])
        outcome.notes.append(f"operation {json.dumps(facts.page)}"[:1500])
        outcome.notes += [
            f"entry {entry['provider']} {entry['kind']} {entry['state']} {entry['resource_id']}"
            for entry in facts.entries
        ]
        outcome.notes += [f"log {line}"[:300] for line in fault_stack.take_warnings()[-15:]]
        outcome.notes.append(
            "calls: " + " ".join(_format_call(call) for call in fault_stack.calls(trial.first_sequence))[:1500]
        )
    return outcome


def _format_call(call: Any) -> str:
    fault = f"({call.fault}{'' if call.committed else ', not executed'})" if call.fault else ""
    return f"{call.operation}={call.status}{fault}"


def _repeat_request(trial: _Trial, outcome: Outcome) -> None:
    """Send the request again: it must succeed, or report that there is nothing to do."""
    kind = trial.scenario.kind
    finished_status = {"destroy": 404, "provision": 409}.get(kind)
    response = trial.request.send(trial.fault_stack)
    trial.wait_for_end()
    if response.status not in (200, 202, finished_status):
        outcome.wrong_answers.append(f"the repeated request got {response.status}: {response.body}"[:400])
    facts = trial.collect_facts()
    outcome.leaks += [f"again: {thing}" for thing in find_leaks(facts)]
    outcome.stuck_operations += [f"again: {thing}" for thing in find_stuck(facts)]
    if kind == "create":
        destroyed = _Request("DELETE", f"/destroy/{trial.instance_id}").send(trial.fault_stack)
        trial.wait_for_end("destroy")
        leftovers = trial.collect_facts().leftovers
        if destroyed.status not in (200, 202) or leftovers:
            outcome.leaks.append(f"again: destroy got {destroyed.status}, left {leftovers}")


def _disrupt(trial: _Trial, disruption: str, outcome: Outcome) -> set[int]:
    """Disrupt while the call waits. Returns the statuses that the client may get because of it."""
    fault_stack = trial.fault_stack
    if disruption == "endpoint killed":
        endpoint = ENDPOINTS[trial.scenario.kind]
        victims = fault_stack.busy_workers(endpoint)
        # On a busy machine it may have responded 202 before its operation made this call.
        outcome.reached = bool(victims)
        for pid in victims:
            fault_stack.kill(pid)
        return {500, 502, 503}
    if disruption == "Postgres restarted":
        restart_postgres(fault_stack.stack)
        return {503}
    assert disruption in TASK_KILLS
    victims = _find_victims(fault_stack, HOLD_SECONDS if disruption == "killed recorded" else TIMEOUT_SECONDS)
    outcome.notes += [f"killed {', '.join(victims.values())}"]
    # With no process at work, or several, this would be another case than the intended one.
    outcome.reached = len(victims) == 1
    with fault_stack.block_step_writes() if disruption == "killed recorded" else contextlib.nullcontext():
        for pid in victims:
            if disruption == "killed recorded":
                wait_until(
                    lambda pid=pid: fault_stack.is_blocked(pid) or pid not in fault_stack.busy_workers(),
                    20,
                    "the task's last write",
                )
                outcome.reached = outcome.reached and fault_stack.is_blocked(pid)
            fault_stack.kill(pid)
    return set()


def _find_victims(fault_stack: FaultStack, held_seconds: float) -> dict[int, str]:
    """Find the task whose call is held for so long: the only one that is busy once the parallel tools have ended.

    A phone number takes half a second, because its order is polled.
    """
    deadline = time.monotonic() + held_seconds - 0.1
    while True:
        busy = fault_stack.busy_workers()
        if len(busy) == 1 or time.monotonic() > deadline:
            return busy
        time.sleep(0.02)
