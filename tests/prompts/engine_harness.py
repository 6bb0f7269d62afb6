"""Prompts in tests: begun by scripts of the simulated model, advanced by hand, and what is stored of them."""

import itertools
import json
import os
import re
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row

from local.lambda_service.worker import build_lambda_environment
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop.runner import NextStep, advance_prompt
from pointsman.db import prompt_events
from pointsman.db.connection import run_in_transaction
from pointsman.prompts import approvals, submission
from tests.harness.instances import wait_until
from tests.prompts.sample_agent import FailingPlugin, compose

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_counter = itertools.count(1)

EventList = list[tuple[str, dict[str, Any]]]


def advance_function_environment(stack: Stack, state_machine_arn: str) -> dict[str, str]:
    """What the function that advances prompts sees, but for what belongs to its process."""
    function = stack._started_runner.template.functions["AdvancePromptFunction"]
    variables = {
        name: value
        for name, value in build_lambda_environment(function, stack.aws_url).items()
        if not name.startswith(("PATH", "PYTHON", "LANG", "TZ", "LD_", "DYLD_"))
    }
    return {**variables, "PROMPT_STATE_MACHINE_ARN": state_machine_arn}


def submit_prompt(user_id: str, text: str, **options: Any) -> str:
    """Store a prompt and start its execution; its id."""
    submitted = submission.submit_prompt(user_id, text, **options)
    submission.start_prompt(submitted)
    return submitted.id


class EngineHarness:
    def __init__(self, stack: Stack, simulator: SimulatorClient, environment: dict[str, str]) -> None:
        self.stack = stack
        self.simulator = simulator
        self.environment = environment
        self.user_id = f"user-{os.getpid()}-{next(_counter)}"
        self.agent = compose()
        self.db: psycopg.Connection[dict[str, Any]] = psycopg.connect(
            stack.database_url, autocommit=True, row_factory=dict_row
        )
        # An earlier prompt of another test must not be found by a recovery.
        self.db.execute("UPDATE prompts SET status = 'failed' WHERE status IN ('running', 'waiting')")
        self.db.execute("CREATE TABLE IF NOT EXISTS test_effects (user_id TEXT, name TEXT)")
        self.failing_plugin: FailingPlugin = self.agent.plugins.get("fragile")  # type: ignore[assignment]

    def close(self) -> None:
        self.db.close()

    def submit(self, *turns: dict[str, object], text: str | None = None, **options: Any) -> str:
        """Begin a prompt to which the model says this."""
        text = text or f"Question {os.getpid()}-{next(_counter)}."
        if turns:
            self.simulator.script_model(*turns, match=text)
        return submit_prompt(self.user_id, text, **options)

    def advance(self, prompt_id: str) -> NextStep:
        """Once, as the newest execution."""
        restarts = self.prompt_row(prompt_id)["restarts"]
        return advance_prompt(self.agent, prompt_id, restarts, time.monotonic() + 1000)

    def submit_and_advance(self, *turns: dict[str, object], **options: Any) -> str:
        """Begin a prompt and advance it."""
        prompt_id = self.submit(*turns, **options)
        self.advance(prompt_id)
        return prompt_id

    def decide(self, prompt_id: str, approve: bool = True, call_id: str = "call_1", **options: Any) -> None:
        approvals.decide(self.user_id, prompt_id, call_id, approve, **options)

    def create_conversation(self) -> str:
        return self.call_tool("conversation.create")["id"]

    def call_tool(self, tool_id: str, **given: object) -> Any:
        from composition import compose as composed
        from pointsman.agent import Invocation

        agent = composed()
        return agent.api.get_tool(tool_id).tool.call(Invocation(self.user_id, agent.services), given, approved=True)

    # What is stored

    def prompt_row(self, prompt_id: str) -> dict[str, Any]:
        row = self.db.execute("SELECT * FROM prompts WHERE id = %s", (prompt_id,)).fetchone()
        assert row is not None
        return row

    def status(self, prompt_id: str) -> str:
        return self.prompt_row(prompt_id)["status"]

    def events(self, prompt_id: str) -> EventList:
        """The events, with every time replaced by `T` and the prompt's id by `P`."""
        events = run_in_transaction(prompt_events.list_after, prompt_id, self.user_id, 0) or []
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for event in events:
            for name in ("start", "end"):
                assert TIMESTAMP.fullmatch(event.data.get(name, "2026-01-01T00:00:00.000Z"))
        text = TIMESTAMP.sub("T", json.dumps([[event.event, event.data] for event in events]).replace(prompt_id, "P"))
        return [(event, data) for event, data in json.loads(text)]

    def tool_results(self, prompt_id: str) -> list[Any]:
        """What the tools' outputs hold: the output, or the error's text."""
        outputs = [
            data for event, data in self.events(prompt_id) if event == "prompt.output" and data["type"] == "tool"
        ]
        return [next(value for key, value in one["result"].items() if key != "type") for one in outputs]

    def last_event(self, prompt_id: str) -> tuple[str, dict[str, Any]]:
        return self.events(prompt_id)[-1]

    def effects(self) -> list[str]:
        """The traces that this user's tools have left."""
        return [
            row["name"]
            for row in self.db.execute("SELECT name FROM test_effects WHERE user_id = %s", (self.user_id,)).fetchall()
        ]

    def model_requests(self) -> list[dict[str, Any]]:
        """What the model was asked, each time."""
        return [call.body for call in self.simulator.list_calls() if call.provider == "model"]  # type: ignore[misc]

    def wait_for_blocked_sessions(self, count: int, timeout: float = 30) -> None:
        """Wait until so many sessions wait for a lock. Asked anew each time: a transaction sees one state of them."""
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        with psycopg.connect(self.stack.database_url, autocommit=True) as other:
            wait_until_true(lambda: other.execute(query).rowcount >= count, timeout)

    def wait_for_status(self, prompt_id: str, *statuses: str, timeout: float = 30) -> str:
        def status_if_wanted() -> str | None:
            status = self.status(prompt_id)
            return status if status in statuses else None

        return wait_until(status_if_wanted, timeout)


def wait_until_true(condition: Callable[[], bool], timeout: float = 20) -> None:
    wait_until(lambda: condition() or None, timeout)
