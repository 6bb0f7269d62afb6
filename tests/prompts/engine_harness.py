"""The prompt loop in this process: prompts of scripted model turns, advanced by the test, and what they store."""

import json
import re
import time
from typing import Any

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop.runner import NextStep, advance_prompt
from pointsman.db import prompt_events
from pointsman.db.connection import run_in_transaction
from pointsman.prompts import approvals, submission
from tests.harness import simulator as simulated
from tests.harness.database import Database, connect, wait_for_blocked_sessions
from tests.harness.ids import unique_id
from tests.harness.wait import wait_until
from tests.prompts.sample_agent import FailingPlugin, compose

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

EventList = list[tuple[str, dict[str, Any]]]


def submit_prompt(user_id: str, text: str, **options: Any) -> str:
    """Store a prompt and start its execution; its id."""
    submitted = submission.submit_prompt(user_id, text, **{"permissions": ["*"], **options})
    submission.start_prompt(submitted)
    return submitted.id


class EngineHarness:
    def __init__(self, stack: Stack, simulator: SimulatorClient, environment: dict[str, str]) -> None:
        self.stack = stack
        self.simulator = simulator
        self.environment = environment
        self.user_id = unique_id("user-")
        self.agent = compose()
        self.db: Database = connect(stack.database_url)
        # A recovery must not find a prompt of another test.
        self.db.execute("UPDATE prompts SET status = 'failed' WHERE status IN ('running', 'waiting')")
        self.db.execute("CREATE TABLE IF NOT EXISTS test_effects (user_id TEXT, name TEXT)")
        self.failing_plugin: FailingPlugin = self.agent.plugins.get("fragile")  # type: ignore[assignment]

    def close(self) -> None:
        self.db.close()

    def submit(self, *turns: dict[str, object], text: str | None = None, **options: Any) -> str:
        """Submit a prompt with scripted model turns; returns its id."""
        text = text or unique_id("Question ") + "."
        if turns:
            self.simulator.script_model(*turns, match=text)
        return submit_prompt(self.user_id, text, **options)

    def advance(self, prompt_id: str) -> NextStep:
        """Advance the prompt once, as its newest execution."""
        restarts = self.prompt_row(prompt_id)["restarts"]
        return advance_prompt(self.agent, prompt_id, restarts, time.monotonic() + 1000)

    def submit_and_advance(self, *turns: dict[str, object], **options: Any) -> str:
        """Submit a prompt and advance it once."""
        prompt_id = self.submit(*turns, **options)
        self.advance(prompt_id)
        return prompt_id

    def decide(self, prompt_id: str, approve: bool = True, call_id: str = "call_1", **options: Any) -> None:
        approvals.decide(self.user_id, prompt_id, call_id, approve, **{"permissions": ["*"], **options})

    def create_conversation(self) -> str:
        return self.call_tool("conversation.create")["id"]

    def call_tool(self, tool_id: str, **arguments: object) -> Any:
        from composition import compose as composed
        from pointsman.agent import Invocation

        agent = composed()
        return agent.api.get_tool(tool_id).tool.call(Invocation(self.user_id, agent.services), arguments, approved=True)

    # What is stored

    def prompt_row(self, prompt_id: str) -> dict[str, Any]:
        row = self.db.execute("SELECT * FROM prompts WHERE id = %s", (prompt_id,)).fetchone()
        assert row is not None
        return row

    def status(self, prompt_id: str) -> str:
        return self.prompt_row(prompt_id)["status"]

    def events(self, prompt_id: str) -> EventList:
        """Return the prompt's events, with times replaced by `T` and its id by `P`."""
        events = run_in_transaction(prompt_events.list_after, prompt_id, self.user_id, 0) or []
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for event in events:
            for name in ("start", "end"):
                assert TIMESTAMP.fullmatch(event.data.get(name, "2026-01-01T00:00:00.000Z"))
        text = TIMESTAMP.sub("T", json.dumps([[event.event, event.data] for event in events]).replace(prompt_id, "P"))
        return [(event, data) for event, data in json.loads(text)]

    def tool_results(self, prompt_id: str) -> list[Any]:
        """Return the results in the tools' outputs: the output, or the error's text."""
        outputs = [
            data for event, data in self.events(prompt_id) if event == "prompt.output" and data["type"] == "tool"
        ]
        return [next(value for key, value in output["result"].items() if key != "type") for output in outputs]

    def last_event(self, prompt_id: str) -> tuple[str, dict[str, Any]]:
        return self.events(prompt_id)[-1]

    def effects(self) -> list[str]:
        """Return the names that this user's tools have recorded."""
        return [
            row["name"]
            for row in self.db.execute("SELECT name FROM test_effects WHERE user_id = %s", (self.user_id,)).fetchall()
        ]

    def model_requests(self) -> list[dict[str, Any]]:
        """Return the bodies of all requests to the model."""
        return simulated.model_requests(self.simulator)

    def wait_for_blocked_sessions(self, count: int, timeout: float = 30) -> None:
        """Wait until `count` sessions of the database wait for a lock."""
        wait_for_blocked_sessions(self.stack.database_url, count, timeout)

    def wait_for_status(self, prompt_id: str, *statuses: str, timeout: float = 30) -> str:
        def status_if_wanted() -> str | None:
            status = self.status(prompt_id)
            return status if status in statuses else None

        return wait_until(status_if_wanted, timeout)
