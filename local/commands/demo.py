"""`python -m local demo`: the main use cases against the simulated providers.

Creates an instance, waits for its deployment, reads it back and destroys it; then runs a prompt whose tool call creates
another instance after an approval. Every claim that is printed is verified; the first that does not hold ends the demo
with exit code 1.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from local.console import Console
from local.errors import RunnerError
from local.settings import PROVIDERS, Settings
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

Database = psycopg.Connection[DictRow]
PromptEvents = list[tuple[str, dict[str, Any]]]

USER_HEADERS = {"X-User-Id": "demo"}
LATENCY_MS = 100
DEPLOYMENT_TIMEOUT = 30.0
"""Seconds that the simulated deployment may take."""

UNUSED_FUNCTIONS = (
    "MigrateFunction", "NotFoundFunction", "UndoFunction", "CapabilitiesFunction", "ToolsFunction",
    "InvokeToolFunction", "AgentRoutesFunction", "AgentOpenapiFunction", "AgentDocsFunction", "GetPromptFunction",
    "ListApprovalsFunction", "ListPromptsFunction",
    "RejectFunction", "CancelFunction", "ClosePromptFunction", "PromptRecoveryFunction", "RetentionFunction",
    "CloseOperationFunction", "ConsoleFunction", "FleetWebhooksFunction", "UserWebhooksFunction",
    "WebhookDeliveryFunction", "McpFunction", "FleetReportsFunction",
)  # fmt: skip
PER_TOOL_FUNCTIONS = ["ProvisionToolFunction", "DestroyToolFunction"]
"""Functions that run once for each tool of an instance, all at the same time."""


def build_demo_settings(settings: Settings) -> Settings:
    """Return settings with a free port, a data folder of the demo's, and none of the developer's keys and databases."""
    excluded_names = {
        "SERVICE_DATABASE_URL", "DATABASE_URL", "POOL_DATABASE_URL", "SERVICES_API_KEY", "RAILWAY_PROJECT_ID",
        "RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME", "TELNYX_MESSAGING_PROFILE_ID", "AGENTMAIL_DOMAIN",
        "AGENT_AUTH", "API_PREFIX",
    }  # fmt: skip
    excluded_names |= {name for provider in PROVIDERS for name in (provider.key_setting, provider.url_setting)}
    environment = {name: value for name, value in settings.environment.items() if name not in excluded_names}
    return replace(
        settings,
        port=0,
        data=settings.data / "demo",
        api_key=Settings.api_key,
        database_url=None,
        schedules=False,
        environment=environment,
    )


def run_demo(settings: Settings) -> None:
    """Run the demo and print its course.

    Args:
        settings: The developer's settings.

    Raises:
        RunnerError: A claim did not hold, which the message names, or the stack did not start.
    """
    started_at = time.monotonic()
    console = Console(log_requests=False)
    with Stack(build_demo_settings(settings), console) as stack:
        assert stack.simulator_url is not None
        simulator = SimulatorClient(stack.simulator_url)
        simulator.reset()
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        with (
            httpx.Client(base_url=stack.url, headers=headers, timeout=60) as api,
            Database.connect(stack.database_url, autocommit=True, row_factory=dict_row) as database,
        ):
            demo_run = _Demo(api, database, simulator)
            console.info("Warming up the functions")
            used_functions = [name for name in stack.status()["functions"] if name not in UNUSED_FUNCTIONS]
            stack.prewarm([*used_functions, *(PER_TOOL_FUNCTIONS * (len(demo_run.tools) - 1))])
            simulator.update_config({"latency_ms": LATENCY_MS})
            demo_run.run()
    _print_line(f"\nDone in {time.monotonic() - started_at:.0f} s. `make run` keeps the same stack up for you.")


class _Demo:
    def __init__(self, api: httpx.Client, database: Database, simulator: SimulatorClient) -> None:
        self.api = api
        self.database = database
        self.simulator = simulator
        self.instance_id = f"demo-{secrets.token_hex(4)}"
        self.tools = [tool["id"] for tool in self._get("/registry")["tools"]]

    def run(self) -> None:
        name = f"convos-agent-{self.instance_id}"
        body = {"instanceId": self.instance_id, "name": name, "tools": self.tools}
        _print_heading(f"POST /create-instance {json.dumps(body)}")
        _print_line(f"(each call to a provider takes {LATENCY_MS} ms)")
        created, seconds = self._request_with_progress("create", "POST", "/create-instance", json=body)
        _print_line(f"answered in {seconds:.2f} s: {json.dumps(created, indent=2)}")
        _verify(set(created["services"]) == set(self.tools), "every tool that was asked for is there")

        _print_heading("The same request again makes nothing new")
        leftovers_before = self.simulator.list_leftovers()
        repeated, _ = self._request("POST", "/create-instance", json=body)
        _verify(repeated == created, "the same answer")
        _verify(
            self.simulator.list_leftovers() == leftovers_before,
            f"the same {len(leftovers_before)} resources at the providers",
        )

        _print_heading("POST /status/batch until it is deployed")
        self._wait_until_deployed()

        _print_heading("What Postgres holds")
        self._verify_database_rows(created)

        _print_heading(f"DELETE /destroy/{self.instance_id}")
        destroyed, seconds = self._request_with_progress("destroy", "DELETE", f"/destroy/{self.instance_id}")
        _print_line(f"answered in {seconds:.2f} s: {json.dumps(destroyed)}")
        _verify(all(destroyed["destroyed"].values()), "everything was there and is gone")

        self._run_time_prompt()
        self._run_approval_prompt()

        _print_heading("What is left")
        leftovers = self.simulator.list_leftovers()
        _verify(not leftovers, f"nothing at any provider{': ' + json.dumps(leftovers) if leftovers else ''}")
        _verify(
            not self._select_rows("instance_infra") and not self._select_rows("instance_services"), "no row in Postgres"
        )

    def _run_time_prompt(self) -> None:
        text = "What time is it?"
        _print_heading(f"POST /api/prompt {json.dumps({'input': text})}")
        events = self._read_prompt_events("POST", "/api/prompt", json={"input": text})
        called_functions = [data.get("function") for event, data in events if event == "prompt.output"]
        _verify(called_functions == ["time.now", None], "the model has called time.now and said what came of it")
        _verify(events[-1][0] == "prompt.completed", "the prompt is completed")

    def _run_approval_prompt(self) -> None:
        instance_id = f"{self.instance_id}-2"
        text = f"Create an instance named {instance_id}"
        _print_heading(f"POST /api/prompt {json.dumps({'input': text})}")
        events = self._read_prompt_events("POST", "/api/prompt", json={"input": text})
        event, approval = events[-1]
        _verify(event == "prompt.approval", "the stream waits for a person, and is left here")
        _verify(not self.simulator.list_leftovers(), "nothing is made yet")

        path = f"/api/prompts/{approval['promptId']}"
        _print_heading(f"POST {path}/approve, then GET {path}/stream with Last-Event-ID: {len(events)}")
        self._request("POST", f"{path}/approve", headers=USER_HEADERS, json={"toolCallId": approval["toolCallId"]})
        events = self._read_prompt_events("GET", f"{path}/stream", headers={"Last-Event-ID": str(len(events))})
        result = next(data["result"] for event, data in events if event == "prompt.output")
        _verify(result["type"] == "success" and result["output"]["instanceId"] == instance_id, "the instance is made")
        _verify(events[-1][0] == "prompt.completed", "the prompt is completed")
        destroyed, _ = self._request("DELETE", f"/destroy/{instance_id}")
        _verify(destroyed["destroyed"]["service"], "and destroyed again")

    def _read_prompt_events(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> PromptEvents:
        """Read the events of a prompt until it ends or waits for an approval."""
        events: PromptEvents = []
        with self.api.stream(method, path, headers={**USER_HEADERS, **(headers or {})}, **request) as response:
            if response.status_code != 200:
                raise RunnerError(f"{method} {path} answered {response.status_code}: {response.read().decode()}")
            event = ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    events.append((event, json.loads(value)))
                    _print_line(f"  {event:<17} {value}")
                    if event == "prompt.approval":
                        break
        return events

    def _request_with_progress(self, kind: str, method: str, path: str, **request: Any) -> tuple[dict[str, Any], float]:
        """Send a request and print the steps of its operation while it runs."""
        responses: list[tuple[dict[str, Any], float]] = []
        request_thread = threading.Thread(
            target=lambda: responses.append(self._request(method, path, **request)), daemon=True
        )
        request_thread.start()
        for line in self._iter_step_updates(kind, request_thread):
            _print_line(line)
        request_thread.join()
        if not responses:
            raise RunnerError(f"{method} {path} gave no answer")
        return responses[0]

    def _iter_step_updates(self, kind: str, request_thread: threading.Thread) -> Iterator[str]:
        printed_lines: set[str] = set()
        while True:
            is_last_poll = not request_thread.is_alive()
            query = "SELECT id FROM operations WHERE instance_id = %s AND kind = %s"
            for row in self.database.execute(query, (self.instance_id, kind)).fetchall():
                for step in self._get(f"/operations/{row['id']}")["steps"]:
                    line = f"  {step['status']:<10} {step['name']}"
                    if line not in printed_lines:
                        printed_lines.add(line)
                        yield line
            if is_last_poll:
                return
            time.sleep(0.15)

    def _wait_until_deployed(self) -> None:
        deadline, last_status = time.monotonic() + DEPLOYMENT_TIMEOUT, ""
        while last_status != "SUCCESS":
            if time.monotonic() > deadline:
                raise RunnerError(f"not deployed after {DEPLOYMENT_TIMEOUT:.0f} s: {last_status}")
            body, _ = self._request("POST", "/status/batch", json={"instanceIds": [self.instance_id]})
            status = str(body["services"][0]["deployStatus"]) if body["services"] else "not listed yet"
            if status != last_status:
                _print_line(f"  {status}")
                last_status = status
            time.sleep(0.1)

    def _verify_database_rows(self, created: dict[str, Any]) -> None:
        infra, services = self._select_rows("instance_infra"), self._select_rows("instance_services")
        for row in infra:
            columns = ("instance_id", "provider_service_id", "url", "volume_id")
            _print_line("  instance_infra     " + " ".join(str(row[column]) for column in columns))
        for row in services:
            _print_line(f"  instance_services  {row['tool_id']} {row['resource_id']} ({row['env_key']})")
        _verify(len(infra) == 1 and infra[0]["provider_service_id"] == created["serviceId"], "the instance's row")
        stored = {row["tool_id"]: {"resourceId": row["resource_id"]} for row in services}
        _verify(stored == created["services"], "a row for each tool")

    def _select_rows(self, table: str) -> list[dict[str, Any]]:
        query = sql.SQL("SELECT * FROM {} WHERE instance_id = %s").format(sql.Identifier(table))
        return self.database.execute(query, (self.instance_id,)).fetchall()

    def _get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path)[0]

    def _request(self, method: str, path: str, **request: Any) -> tuple[dict[str, Any], float]:
        started_at = time.monotonic()
        response = self.api.request(method, path, **request)
        if response.status_code != 200:
            raise RunnerError(f"{method} {path} answered {response.status_code}: {response.text}")
        body: dict[str, Any] = response.json()
        return body, time.monotonic() - started_at


def _verify(condition: bool, claim: str) -> None:
    if not condition:
        raise RunnerError(f"this does not hold: {claim}")
    _print_line(f"  ok: {claim}")


def _print_heading(text: str) -> None:
    _print_line(f"\n== {text}")


def _print_line(text: str) -> None:
    print(text, flush=True)
