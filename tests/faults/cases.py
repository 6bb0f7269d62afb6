"""The scenarios, the faults, and the cases that follow from the calls of a scenario."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "DISRUPTIONS",
    "FAULTS",
    "LAGS",
    "LISTS",
    "LIST_FAILURE",
    "LIST_FAILURES",
    "MAX_OCCURRENCES",
    "SCENARIOS",
    "SHORT_FORM_FAULTS",
    "START_FAILURES",
    "TASK_KILLS",
    "Call",
    "Case",
    "Fault",
    "Scenario",
    "build_cases",
    "select_short_form",
]

TOOLS = ("openrouter", "agentmail", "telnyx")
TIMEOUT_SECONDS = 1.0
"""The provider timeout of the matrix's stacks."""
BEYOND_TIMEOUT = TIMEOUT_SECONDS + 0.5
DRIP_SECONDS = TIMEOUT_SECONDS / 5
"""The pause between two bytes of a drip: no single read of it is as long as the timeout."""
MAX_OCCURRENCES = 2
"""A call that one operation repeats (pages, polls) gets faults at its first two occurrences only."""


@dataclass(frozen=True)
class Scenario:
    """An operation under test. `base_faults` are injected in every case: they make it compensate.

    `cold` empties all caches first: the operation runs in new processes.
    """

    name: str
    kind: str
    tools: tuple[str, ...]
    base_faults: tuple[tuple[str, str, str], ...] = ()
    cold: bool = False


@dataclass(frozen=True)
class Call:
    """The nth call of an operation's run with this name, counted from 1."""

    provider: str
    operation: str
    occurrence: int

    @property
    def label(self) -> str:
        return f"{self.provider} {self.operation}" + (f" #{self.occurrence}" if self.occurrence > 1 else "")


@dataclass(frozen=True)
class Fault:
    """A fault of the simulator: its kind and options."""

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    railway_only: bool = False
    lagging: bool = False
    """Whether the provider's lists lag meanwhile, and fail at first. A list itself gets the fault of a failing list."""


@dataclass(frozen=True)
class Case:
    scenario: str
    call: Call | None
    fault: str
    repeats_request: bool = False
    """Whether the request is sent once more at the end, and must succeed then."""

    @property
    def label(self) -> str:
        return f"{self.scenario} x {self.call.label if self.call else '-'} x {self.fault}"


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("create", "create", TOOLS),
        Scenario("create, first of its process", "create", ("telnyx",), cold=True),
        Scenario("create, undone", "create", TOOLS, (("railway", "environmentPatchCommit", "refuse"),)),
        Scenario("destroy", "destroy", TOOLS),
        *(Scenario(f"provision {tool}", "provision", (tool,)) for tool in TOOLS),
        Scenario(
            "provision openrouter, undone",
            "provision",
            ("openrouter",),
            (("railway", "variableCollectionUpsert", "refuse"),),
        ),
        *(Scenario(f"tool destroy {tool}", "destroy_tool", (tool,)) for tool in TOOLS),
    )
}

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("refused", "refuse", {"times": None}),
        Fault("answer lost", "lost"),
        Fault("hangs", "hang", {"seconds": BEYOND_TIMEOUT}),
        Fault("hangs, done", "hang_done", {"seconds": BEYOND_TIMEOUT}),
        Fault("drips, head", "drip_head", {"seconds": DRIP_SECONDS}),
        Fault("drips, head, done", "drip_head", {"seconds": DRIP_SECONDS, "done": True}),
        Fault("drips, body", "drip_body", {"seconds": DRIP_SECONDS}),
        Fault("drips, body, done", "drip_body", {"seconds": DRIP_SECONDS, "done": True}),
        Fault("endless", "endless"),
        Fault("endless, done", "endless", {"done": True}),
        Fault("done late", "slow", {"seconds": BEYOND_TIMEOUT}),
        Fault("429", "rate_limit"),
        Fault("429, wait 1 s", "rate_limit", {"retry_after": 1}),
        Fault("429, wait 30 s", "rate_limit", {"retry_after": 30}),
        Fault("429, text", "rate_limit_text"),
        Fault("500 once", "server_error"),
        Fault("500, done", "server_error_done"),
        Fault("500 for good", "server_error", {"times": None}),
        Fault("200, no JSON", "garbage"),
        Fault("502, HTML", "html"),
        Fault("200, error", "graphql_error", railway_only=True),
        Fault("200, error, done", "graphql_error", {"done": True}, railway_only=True),
        Fault("200, throttle", "graphql_throttle", railway_only=True),
        Fault("200, half", "partial", railway_only=True),
        Fault("200, error body", "error_body"),
        Fault("200, error body, done", "error_body", {"done": True}),
        Fault("200, other shape", "other_shape"),
        Fault("200, other shape, done", "other_shape", {"done": True}),
        Fault("200, empty", "empty"),
        Fault("lists fail and lag", "lost", lagging=True),
        Fault("200, error body, lists fail and lag", "error_body", lagging=True),
    )
}

LISTS: dict[str, tuple[str, ...]] = {
    "railway": ("project", "environment"),
    "openrouter": ("keys.list",),
    "agentmail": ("inboxes.list",),
    "telnyx": ("numbers.list", "orders.list"),
}
"""By provider, the calls that find what a call with an unknown outcome has created."""
LIST_FAILURE = "garbage"
LIST_FAILURES = 2
"""How often each list fails: one client retries so often within its call."""
LAGS: dict[str, dict[str, float]] = {
    "railway": {"service_lag_s": 0.7, "volume_lag_s": 0.7},
    "openrouter": {"list_lag_s": 0.7},
    "agentmail": {"list_lag_s": 0.7},
    "telnyx": {"number_lag_s": 2.0},
}
"""The simulator's configuration while lists lag, in seconds: less than the stacks' settle time of 1 s, except for a
number, whose order is visible at once."""

TASK_KILLS = ("killed before", "killed after", "killed recorded")
"""SIGKILL for the task: before the provider executes the call; after that, before the record; after both."""

DISRUPTIONS = (*TASK_KILLS, "endpoint killed", "Postgres restarted")

START_FAILURES = ("start refused", "start lost")
"""Per scenario, not per call: StartExecution fails after the row was written, without or with its effect."""

SHORT_FORM_FAULTS = ("answer lost", "refused", "killed after")
"""The three faults that find most: an unknown outcome, a permanent failure, a killed process."""


def build_cases(scenario: Scenario, calls: Sequence[Call]) -> list[Case]:
    """Build every fault at every call. The case in which a call is refused repeats the request at its end."""
    cases = [
        Case(scenario.name, call, fault.name, fault.name == "refused")
        for call in calls
        for fault in FAULTS.values()
        if call.provider == "railway" or not fault.railway_only
    ]
    cases += [Case(scenario.name, call, other) for call in calls for other in DISRUPTIONS]
    if not scenario.base_faults and not scenario.cold:
        cases += [Case(scenario.name, None, other) for other in START_FAILURES]
    return cases


def select_short_form(cases: Iterable[Case]) -> list[Case]:
    """Select each call once, in one of its operations, with one of the short form's faults; always the same."""
    by_call: dict[Call, list[Case]] = {}
    for case in cases:
        if case.call is not None and case.fault in SHORT_FORM_FAULTS and case.call.occurrence == 1:
            by_call.setdefault(case.call, []).append(case)
    return [
        min(candidates, key=lambda case: zlib.crc32(case.label.encode()))
        for _, candidates in sorted(by_call.items(), key=lambda item: item[0].label)
    ]
