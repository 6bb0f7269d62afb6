"""The cold start of each function: CPU time from process start to the first response, in multiples of a bare handler's.

Each function runs in a fresh process under the real runtime client, with the packages and environment variables of
Lambda only, and handles its sample event against a real database, the simulated providers and the Step Functions API.
A bare handler runs in the same way before and after each function. The result is the ratio to these two, the median
over all rounds; one bare handler is called a floor.

    python -m benchmarks.cold_start [--rounds 5] [--python .venv/lambda/bin/python] [--only services.get_operation …]

prints all functions, and exits with 1 if one exceeds its budget. `make bench` reports the furthest of each kind.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.bench_stack import ROOT
from benchmarks.fresh_process import bare_handler, measure_cold_start
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row
from local.console import Console
from local.lambda_service.worker import build_lambda_environment
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from local.template.sam_template import Function, Template

TITLE = "Cold starts"
TASK_BUDGET, STARTER_BUDGET, DATABASE_BUDGET, LIGHT_BUDGET, STREAM_BUDGET = 7.5, 13.0, 11.0, 9.0, 6.0
BUDGETS = {
    "authorizers.services_key": 2.0,
    "authorizers.agent_user": 2.0,
    "services.healthz": LIGHT_BUDGET,
    "services.registry": LIGHT_BUDGET,
    "openapi.services_document": LIGHT_BUDGET,
    "services.not_found": LIGHT_BUDGET,
    "agent.capabilities": LIGHT_BUDGET,
    "agent.tools": LIGHT_BUDGET,
    "agent.routes": LIGHT_BUDGET,
    "openapi.combined_document": LIGHT_BUDGET,
    "documentation.docs_page": LIGHT_BUDGET,
    "console.console_page": LIGHT_BUDGET,
    "agent.invoke_tool": DATABASE_BUDGET,
    "agent.prompt_stream": STREAM_BUDGET,
    "agent.mcp_endpoint": DATABASE_BUDGET,
    "agent.get_prompt": DATABASE_BUDGET,
    "agent.list_approvals": DATABASE_BUDGET,
    "agent.list_prompts": DATABASE_BUDGET,
    "agent.approve_call": STARTER_BUDGET,
    "agent.reject_call": STARTER_BUDGET,
    "agent.cancel_prompt": STARTER_BUDGET,
    "services.get_operation": DATABASE_BUDGET,
    "services.status_batch": DATABASE_BUDGET,
    "services.dashboard_instances": DATABASE_BUDGET,
    "services.dashboard_credits": DATABASE_BUDGET,
    "services.list_audit_log": DATABASE_BUDGET,
    "services.list_instances": DATABASE_BUDGET,
    "services.get_instance": DATABASE_BUDGET,
    "services.list_operations": DATABASE_BUDGET,
    "services.fleet_reports": DATABASE_BUDGET,
    "services.maintenance": DATABASE_BUDGET,
    "services.fleet_webhooks": DATABASE_BUDGET,
    "agent.user_webhooks": DATABASE_BUDGET,
    "scheduled.status_poller": TASK_BUDGET,
    "scheduled.prompt_recovery": TASK_BUDGET,
    "scheduled.retention": TASK_BUDGET,
    "scheduled.webhook_delivery": TASK_BUDGET,
    # Imports pydantic for the tools, httpx for the model and psycopg.
    "tasks.advance_prompt": DATABASE_BUDGET,
    "services.retry_operation": STARTER_BUDGET,
    "services.abandon_operation": DATABASE_BUDGET,
    "scheduled.reconciler": TASK_BUDGET,
    "services.redeploy_instance": STARTER_BUDGET,
    "services.configure_instance": STARTER_BUDGET,
    "services.provision_resource": STARTER_BUDGET,
    "services.destroy_resource": STARTER_BUDGET,
    "services.create_instance": STARTER_BUDGET,
    "services.destroy_instance": STARTER_BUDGET,
}
"""The budget of each function, in floors. Tasks have TASK_BUDGET by default; `migration.migrate` has none."""

ROOM_KINDS = {"authorizers": "authorizer", "tasks": "task", "scheduled": "scheduled"}
"""The kinds of functions that their folder tells."""
BUDGET_KINDS = {
    LIGHT_BUDGET: "light endpoint", DATABASE_BUDGET: "database endpoint", STARTER_BUDGET: "starter of an execution",
    STREAM_BUDGET: "stream",
}  # fmt: skip
"""The kinds of endpoints."""

RUN_ORDER = [
    "authorizers.services_key", "authorizers.agent_user", "services.healthz", "services.registry",
    "openapi.services_document", "services.not_found",
    "agent.capabilities", "agent.tools", "agent.routes", "openapi.combined_document", "documentation.docs_page",
    "console.console_page", "agent.invoke_tool", "tasks.provision_tool",
    "tasks.create_service", "tasks.attach_volume", "tasks.create_domain", "tasks.deploy_instance",
    "services.get_operation", "services.status_batch", "scheduled.status_poller",
    "services.dashboard_instances", "services.maintenance", "services.dashboard_credits", "services.list_audit_log",
    "services.list_instances", "services.get_instance", "services.list_operations",
    "services.fleet_webhooks", "services.fleet_reports",
    "services.configure_instance", "services.redeploy_instance",
    "services.provision_resource", "services.destroy_resource",
    "tasks.attach_tool", "tasks.destroy_tool",
    "tasks.destroy_volumes", "tasks.destroy_service", "tasks.close_operation", "tasks.compensate_operation",
    "tasks.advance_prompt", "tasks.await_approval", "tasks.close_prompt", "agent.prompt_stream",
    "agent.get_prompt", "agent.list_prompts", "agent.list_approvals", "agent.approve_call", "agent.reject_call",
    "agent.cancel_prompt", "agent.user_webhooks", "agent.mcp_endpoint",
    "scheduled.prompt_recovery",
    "services.create_instance", "services.destroy_instance", "services.retry_operation",
    "services.abandon_operation", "scheduled.reconciler", "scheduled.retention", "scheduled.webhook_delivery",
    "migration.migrate",
]  # fmt: skip
"""An order in which each sample event finds the state that it needs."""

SHORT_SELECTION = (
    "authorizers.services_key", "services.healthz", "services.status_batch", "scheduled.status_poller",
    "tasks.await_approval", "agent.prompt_stream", "agent.approve_call",
)  # fmt: skip
"""A function of each kind, in the short form. None needs what another one leaves behind."""

SAMPLE_PROMPTS = {
    "tasks.advance_prompt": (f"prompt-{1:032d}", "running"),
    "tasks.await_approval": (f"prompt-{2:032d}", "waiting"),
    "agent.approve_call": (f"prompt-{3:032d}", "waiting"),
    "agent.reject_call": (f"prompt-{4:032d}", "waiting"),
}
"""The prompt of each sample event, with the status that its function requires."""


class ColdStartBenchmark:
    """The measurement of all functions, each round with its own instance."""

    def __init__(self, stack: Stack, python: str) -> None:
        self.stack = stack
        self.python = python
        overrides = stack.settings.function_overrides(stack.database_url, stack.simulator_url)
        template = Template.load(ROOT / "template.yaml", overrides)
        self.functions = {function.module: function for function in template.functions.values()}
        self.ratios: dict[str, list[float]] = {}
        self.bare_seconds: list[float] = []
        assert set(self.functions) == set(RUN_ORDER), set(self.functions) ^ set(RUN_ORDER)

    def run_round(self, number: int, selected: Sequence[str], run_others: bool = True) -> None:
        """Run and measure the selected functions, by default all, and run the others, whose state they need."""
        ids = {f"op-{n:032d}": f"op-bench-{number}-{n}" for n in (1, 2, 3, 4)}
        with psycopg.connect(self.stack.database_url, autocommit=True) as database:
            for module in RUN_ORDER if run_others else selected:
                self._prepare_database(database, module, number, list(ids.values()))
                is_selected = module in selected or not selected
                bare_before = self._measure_bare_handler() if is_selected else 0.0
                function = self.functions[module]
                seconds, response = measure_cold_start(
                    self.python,
                    function.handler,
                    function.code_folder,
                    self._build_environment(function),
                    load_sample_event(module, number, ids),
                )
                if isinstance(response, dict) and response.get("statusCode", 200) not in (200, 404):
                    raise SystemExit(f"{module} answered {response}")
                if is_selected:
                    self.ratios.setdefault(module, []).append(
                        2 * seconds / (bare_before + self._measure_bare_handler())
                    )

    def _measure_bare_handler(self) -> float:
        with bare_handler() as (code, environment):
            self.bare_seconds.append(measure_cold_start(self.python, "bare.handler", code, environment, {})[0])
        return self.bare_seconds[-1]

    def _build_environment(self, function: Function) -> dict[str, str]:
        return build_lambda_environment(function, self.stack.aws_url)

    def _prepare_database(self, database: psycopg.Connection[Any], module: str, number: int, ids: list[str]) -> None:
        operations = {"tasks.provision_tool": (ids[0], "create"), "tasks.destroy_tool": (ids[1], "destroy")}
        operations |= {"tasks.compensate_operation": (ids[2], "create"), "tasks.attach_tool": (ids[3], "provision")}
        if module in operations:
            tool = "telnyx" if module == "tasks.attach_tool" else "openrouter"
            request = {"name": f"convos-agent-bench-{number}", "tools": [tool]}
            query = "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, %s, %s, %s)"
            operation_id, kind = operations[module]
            database.execute(query, (operation_id, f"bench-{number}", kind, json.dumps(request)))
        if module in SAMPLE_PROMPTS:
            insert_prompt(database, *SAMPLE_PROMPTS[module])
        if module == "tasks.attach_tool":
            database.execute(
                "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, resource_id)"
                " VALUES (%s, %s, 'telnyx', 'tool', '{}', 'created', '+15550100000')",
                (ids[3], f"bench-{number}"),
            )
        if module == "tasks.destroy_tool":
            query = "UPDATE operation_resources SET state = 'deleted' WHERE operation_id = %s"
            database.execute(query, (ids[3],))


def insert_prompt(database: psycopg.Connection[Any], prompt_id: str, status: str) -> None:
    """Insert a prompt of the sample events' user; with the status `waiting` it has a pending approval."""
    database.execute("DELETE FROM prompts WHERE id = %s", (prompt_id,))
    query = "INSERT INTO prompts (id, user_id, input, status, deadline) VALUES (%s, 'user-1', 'Hello', %s, %s)"
    database.execute(query, (prompt_id, status, datetime.now(UTC) + timedelta(hours=1)))
    item = {"type": "message", "role": "user", "content": "Hello"}
    database.execute("INSERT INTO prompt_items VALUES (%s, 1, 0, %s)", (prompt_id, json.dumps(item)))
    if status == "waiting":
        tool_call = {"id": "call_1", "name": "time.now", "arguments": "{}"}
        approval_summary = {"toolName": "time.now", "input": {}, "reason": "A sample"}
        database.execute(
            "INSERT INTO prompt_calls (prompt_id, turn, position, asked, state, shown, digest, expires_at)"
            " VALUES (%s, 0, 0, %s, 'waiting', %s, 'none', now() + interval '1 hour')",
            (prompt_id, json.dumps(tool_call), json.dumps(approval_summary)),
        )


def load_sample_event(module: str, number: int, ids: dict[str, str]) -> object:
    """Load the function's sample event with the ids of this round's instance and operations."""
    text = (ROOT / "events" / f"{module.replace('.', '/')}.json").read_text()
    for sample, actual in ids.items():
        text = text.replace(sample, actual)
    return json.loads(text.replace("sample-1", f"bench-{number}"))


def find_budget(module: str) -> float | None:
    """Return a function's budget in floors; None without one."""
    return BUDGETS.get(module, TASK_BUDGET if module.startswith("tasks.") else None)


def find_kind(module: str) -> str:
    """Return what kind of function it is: by its trigger, and endpoints by what they have to load."""
    room = module.partition(".")[0]
    if room in ROOM_KINDS:
        return ROOM_KINDS[room]
    return BUDGET_KINDS.get(BUDGETS.get(module, 0.0), "migration")


def format_functions(ratios: dict[str, list[float]]) -> tuple[str, bool]:
    """Format a table of all functions in Markdown, and return whether all budgets hold."""
    lines, all_fit = ["| function | floors | budget | |", "|---|---:|---:|---|", "| a bare handler | 1.0 | | |"], True
    for name, rounds in sorted(ratios.items(), key=lambda item: median(item[1])):
        budget = find_budget(name)
        floors = median(rounds)
        fits = budget is None or floors <= budget
        all_fit = all_fit and fits
        budget_text = "" if budget is None else f"{budget:.1f}"
        lines.append(f"| {name} | {floors:.1f} | {budget_text} | {'' if fits else 'over'} |")
    return "\n".join(lines), all_fit


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group: for each kind, the function that is closest to its budget, or furthest over it."""
    with run_benchmark(options.python) as bench:
        rounds = options.choose(5, 1)
        for number in range(rounds):
            bench.run_round(number, SHORT_SELECTION if options.short else (), run_others=not options.short)
        first = make_rows(bench)
        missed = [module for module, row in first if not row.is_met(options.factor)]
        if not missed:
            return GroupResult([row for _, row in first])
        # All that are over their budget, not only the furthest of each kind.
        over = [module for module in bench.ratios if not _fits(bench, module, options.factor)]
        for module in over:
            bench.ratios[module] = []
        for number in range(rounds, 2 * rounds):
            bench.run_round(number, over, run_others=not options.short)
        return GroupResult([replace(row, measurements=2 if module in over else 1) for module, row in make_rows(bench)])


def make_rows(bench: ColdStartBenchmark) -> list[tuple[str, Row]]:
    """Make a row for each kind of function; returns the function that it shows, too."""
    rows: list[tuple[str, Row]] = []
    modules_by_kind: dict[str, list[str]] = {kind: [] for kind in [*ROOM_KINDS.values(), *BUDGET_KINDS.values()]}
    for module in bench.ratios:
        if find_budget(module) is not None:
            modules_by_kind[find_kind(module)].append(module)
    for kind, modules in modules_by_kind.items():
        furthest = max(modules, key=lambda module: median(bench.ratios[module]) / (find_budget(module) or 1))
        goal = Goal(find_budget(furthest) or 1)
        count = f"{len(modules)} function{'s' if len(modules) > 1 else ''}"
        work = f"cold start, {kind} ({count}; shown: `{furthest}`)"
        rows.append((furthest, Row(work, "a bare handler", "floors", bench.ratios[furthest], [1.0], goal)))
    return rows


def _fits(bench: ColdStartBenchmark, module: str, factor: float) -> bool:
    budget = find_budget(module)
    return budget is None or median(bench.ratios[module]) <= budget * factor


@contextmanager
def run_benchmark(python: str) -> Iterator[ColdStartBenchmark]:
    """Run a stack for the functions to call; `python` is their interpreter."""
    with tempfile.TemporaryDirectory() as data:
        environment = {
            "PATH": os.environ["PATH"], "AGENT_AUTH": "api_key", "AGENT_API_KEY": "agent-key-of-the-sample",
        }  # fmt: skip
        settings = replace(
            Settings.isolated({**environment, "POINTSMAN_DATA": data}, ROOT),
            port=0, environment=environment, schedules=False,
        )  # fmt: skip
        with Stack(settings, Console(quiet=True)) as stack:
            assert stack.simulator_url is not None
            with SimulatorClient(stack.simulator_url) as simulator:
                simulator.update_config({"railway": {"deploy_seconds": 0}})
            yield ColdStartBenchmark(stack, python)


def main() -> int:
    """Measure each function and print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="MODULE", help="measure only these; the others run unmeasured"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter of an environment with only the packages of Lambda"
    )
    options = parser.parse_args()
    with run_benchmark(str(Path(options.python).absolute())) as bench:
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            bench.run_round(number, options.only)
    text, all_fit = format_functions(bench.ratios)
    version = subprocess.run([options.python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}; one floor is {median(bench.bare_seconds) * 1000:.0f} ms of CPU here\n\n{text}")
    return 0 if all_fit else 1


if __name__ == "__main__":
    sys.exit(main())
