"""The audit log of a random sequence of requests of both APIs, with faults, tells exactly what was done.

The test keeps a record of its own: of each request what its answer says, and of operations who began them and how their
rows ended. At the end the log must have an entry for each line of the record, and no other.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.ids import unique_id
from tests.harness.instances import TOOLS, create_request, new_instance_id, wait_for_operation
from tests.prompts.prompt_stream import PromptStream, start_prompt, text_turn

from .invariants import parse_response, reconcile_until_settled

FAULTS = [
    ("railway", "serviceCreate", "refuse"), ("railway", "environmentPatchCommit", "refuse"),
    ("railway", "serviceDelete", "refuse"), ("railway", "variableCollectionUpsert", "refuse"),
    ("railway", "variableCollectionUpsert", "server_error_done"), ("railway", "variableCollectionUpsert", "garbage"),
    ("openrouter", "keys.create", "refuse"), ("openrouter", "keys.delete", "refuse"),
    ("agentmail", "inboxes.create", "lost"), ("telnyx", "orders.create", "rate_limit"),
]  # fmt: skip

ACTION_BY_KIND = {
    "create": "instance.create", "destroy": "instance.destroy", "provision": "tool.provision",
    "destroy_tool": "tool.destroy",
}  # fmt: skip

Line = tuple[str, str, str, str, str]
"""An expected entry: the actor's kind and id, the action, the target, and the outcome."""


@dataclass
class Record:
    """What the log must tell.

    Attributes:
        lines: one for each entry.
        operations: the ids of all operations that a request has begun or retried, each with who asked for it.
        secrets: values that were sent, of which none may be in the log.
    """

    lines: Counter[Line] = field(default_factory=Counter[Line])
    operations: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    secrets: list[str] = field(default_factory=list[str])

    def add(self, actor: tuple[str, str], action: str, target: str, *outcomes: str) -> None:
        self.lines.update([(*actor, action, target, outcome) for outcome in outcomes])


class Sequence:
    """Sends random requests to three instances, and records what they did."""

    KEY = ("key", "services")

    def __init__(
        self, seed: int, api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, db: Database
    ) -> None:
        self.random = random.Random(seed)
        self.api, self.agent, self.simulator, self.db = api, agent, simulator, db
        self.user = ("user", agent.headers["X-User-Id"])
        self.ids = [new_instance_id() for _ in range(3)]
        self.record = Record()
        self.prompts: list[str] = []
        self.requests = 0

    def run(self, count: int) -> None:
        """Send so many requests, with a fault now and then."""
        actions: list[Callable[[str], None]] = [
            self.create, self.create, self.destroy, self.provision, self.destroy_tool, self.configure, self.configure,
            self.redeploy, self.retry, self.abandon, self.prompt,
        ]  # fmt: skip
        while self.requests < count:
            if self.random.random() < 0.2:
                provider, call, kind = self.random.choice(FAULTS)
                self.simulator.inject_fault(provider, call, kind, times=self.random.choice([1, 2, 8]))  # type: ignore[arg-type]
            if self.random.random() < 0.15:
                self.simulator.clear_faults()
            self.random.choice(actions)(self.random.choice(self.ids))

    def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        self.requests += 1
        response = self.api.request(method, path, json=body)
        parse_response(response)
        return response

    def command(self, method: str, path: str, body: object = None) -> None:
        """Send a request that begins an operation, joins one, or is refused; then let the operation end."""
        known = self.list_operation_ids()
        self.send(method, path, body)
        for operation_id in self.list_operation_ids() - known:
            self.record.operations[operation_id] = self.KEY
        self.wait_for_all()

    def list_operation_ids(self) -> set[str]:
        rows = self.db.execute("SELECT id FROM operations WHERE instance_id = ANY(%s)", (self.ids,)).fetchall()
        return {row["id"] for row in rows}

    def wait_for_all(self) -> None:
        for row in self.db.execute("SELECT id FROM operations WHERE status = 'running'").fetchall():
            wait_for_operation(self.api, row["id"])

    def create(self, instance_id: str) -> None:
        tools = self.random.sample(TOOLS, self.random.randint(0, 2))
        self.command("POST", "/create-instance", create_request(instance_id, tools))

    def destroy(self, instance_id: str) -> None:
        self.command("DELETE", f"/destroy/{instance_id}")

    def provision(self, instance_id: str) -> None:
        self.command("POST", f"/provision/{instance_id}/{self.random.choice(TOOLS)}")

    def destroy_tool(self, instance_id: str) -> None:
        row = self.db.execute(
            "SELECT tool_id, resource_id FROM instance_services WHERE instance_id = %s ORDER BY id", (instance_id,)
        ).fetchone()
        tool, resource = (row["tool_id"], row["resource_id"]) if row else ("openrouter", "not-a-hash")
        self.command("DELETE", f"/destroy/{instance_id}/{tool}/{resource.replace('+', '%2B')}")

    def configure(self, instance_id: str) -> None:
        secret = unique_id("planted-")
        self.record.secrets.append(secret)
        body = {"variables": {"A_NAME": secret}, "redeploy": self.random.random() < 0.5}
        self.change_service("instance.configure", instance_id, f"/configure/{instance_id}", body)

    def redeploy(self, instance_id: str) -> None:
        self.change_service("instance.redeploy", instance_id, f"/redeploy/{instance_id}", None)

    def change_service(self, action: str, instance_id: str, path: str, body: object) -> None:
        response = self.send("POST", path, body)
        if response.status_code == 404:
            return
        if response.status_code == 200:
            self.record.add(self.KEY, action, instance_id, "started", "succeeded")
            return
        # The provider's refusal is told apart from what may have happened by the code, or for a redeploy by the text.
        code, error = response.json()["code"], response.json()["error"]
        has_not_happened = code == "PROVIDER_REJECTED" or "No deployment found" in error or "HTTP 4" in error
        self.record.add(self.KEY, action, instance_id, "started", "failed" if has_not_happened else "unknown")

    def newest_operation(self, instance_id: str) -> str:
        row = self.db.execute(
            "SELECT id FROM operations WHERE instance_id = %s ORDER BY created_at DESC LIMIT 1", (instance_id,)
        ).fetchone()
        return row["id"] if row else "op-of-nobody"

    def retry(self, instance_id: str) -> None:
        self.command("POST", f"/operations/{self.newest_operation(instance_id)}/retry")

    def abandon(self, instance_id: str) -> None:
        response = self.send("POST", f"/operations/{self.newest_operation(instance_id)}/abandon")
        if response.status_code == 200:
            self.record.add(self.KEY, "operation.abandon", instance_id, "succeeded")

    def prompt(self, instance_id: str) -> None:
        """Let a model ask for a change, and decide about it."""
        changes: list[tuple[str, dict[str, Any]]] = [
            ("instances.destroy", {}), ("instances.create", {"name": f"convos-agent-{instance_id}", "tools": []}),
            ("instances.configure", {"variables": {"A_NAME": unique_id("planted-")}}),
        ]  # fmt: skip
        tool, change = self.random.choice(changes)
        arguments = {"instanceId": instance_id, **change}
        self.record.secrets += list(change.get("variables", {}).values())
        call: dict[str, Any] = {"calls": [{"call_id": "call_1", "name": tool, "arguments": arguments}], "usage": None}
        stream = start_prompt(self.agent, self.simulator, call, text_turn("Well."))
        self.requests += 1
        stream.read_until_event("prompt.approval")
        decision = self.random.choice(["approve", "approve", "reject", "cancel"])
        body = {} if decision == "cancel" else {"toolCallId": "call_1"}
        known = self.list_operation_ids()
        for expected_status in (200, 200 if decision == "cancel" else 404):
            self.requests += 1
            response = self.agent.post(f"/prompts/{stream.prompt_id}/{decision}", json=body)
            assert response.status_code == expected_status, response.text
        action = {"approve": "approval.approve", "reject": "approval.reject", "cancel": "prompt.cancel"}[decision]
        self.record.add(self.user, action, stream.prompt_id, "succeeded")
        self.prompts.append(stream.prompt_id)
        result = self.read_result(stream)
        if decision != "approve":
            return
        for operation_id in self.list_operation_ids() - known:
            self.record.operations[operation_id] = self.user
        if tool == "instances.configure" and "not found" not in str(result):
            is_rejected = "HTTP 4" in str(result)
            outcome = "succeeded" if result["type"] == "success" else "failed" if is_rejected else "unknown"
            self.record.add(self.user, tool.replace("instances", "instance"), instance_id, "started", outcome)
        self.wait_for_all()

    def read_result(self, stream: PromptStream) -> dict[str, Any]:
        outputs = [message.data for message in stream.read_to_end() if message.event == "prompt.output"]
        results: list[dict[str, Any]] = [output["result"] for output in outputs if output["type"] == "tool"]
        return results[0] if results else {}


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 40), *[pytest.param(seed, 200, marks=pytest.mark.slow) for seed in (2, 3)]]
)
@pytest.mark.timeout(1800)
def test_the_log_tells_exactly_what_was_done(
    seed: int,
    count: int,
    stack: Stack,
    api: httpx.Client,
    agent: httpx.Client,
    simulator: SimulatorClient,
    db: Database,
) -> None:
    reset_fleet_tables(db)
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    sequence = Sequence(seed, api, agent, simulator, db)
    sequence.run(count)
    simulator.clear_faults()
    reconcile_until_settled(stack, db)
    record, targets = sequence.record, [*sequence.ids, *sequence.prompts]

    entries: list[dict[str, Any]] = []
    for target in targets:
        cursor: dict[str, str] = {}
        while True:
            page = api.get("/audit", params={"target": target, "limit": "50", **cursor}).json()
            entries += page["entries"]
            if "nextCursor" not in page:
                break
            cursor = {"cursor": page["nextCursor"]}

    # Operations: each has ended as its row says, for the one who asked; each earlier end left something.
    ends = [entry for entry in entries if entry["action"] in ACTION_BY_KIND.values()]
    rows = db.execute("SELECT * FROM operations WHERE instance_id = ANY(%s)", (sequence.ids,)).fetchall()
    assert {row["id"] for row in rows} == record.operations.keys() == {entry["operationId"] for entry in ends}
    for row in rows:
        own = sorted((entry for entry in ends if entry["operationId"] == row["id"]), key=lambda entry: entry["at"])
        who = {(entry["actor"]["kind"], entry["actor"]["id"]) for entry in own}
        assert who == {record.operations[row["id"]]}
        assert {(entry["action"], entry["target"]["id"]) for entry in own} == {
            (ACTION_BY_KIND[row["kind"]], row["instance_id"])
        }
        is_abandoned = row["error"] is not None and row["error"].get("code") == "ABANDONED"
        outcomes = [entry["outcome"] for entry in own]
        retries = [e for e in entries if e["action"] == "operation.retry" and e["operationId"] == row["id"]]
        # Each retry leads to one more end.
        assert outcomes == ["leaked"] * (len(outcomes) - 1) + ["leaked" if is_abandoned else row["status"]], row["id"]
        assert len(outcomes) == 1 + len(retries), row["id"]
        assert Counter(entry["outcome"] for entry in retries)["started"] == row["restarts"], row["id"]
        assert {entry["actor"]["id"] for entry in retries} <= {
            "services",
            "reconciler",
            record.operations[row["id"]][1],
        }

    others = Counter(
        (e["actor"]["kind"], e["actor"]["id"], e["action"], e["target"]["id"], e["outcome"])
        for e in entries
        if e not in ends and e["action"] != "operation.retry"
    )
    assert others == record.lines
    text = json.dumps(entries)
    assert [secret for secret in record.secrets if secret in text] == []
    assert len(record.secrets) > 1
