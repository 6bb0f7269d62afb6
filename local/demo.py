"""The main job once through, against the simulated providers: create an instance, watch it, read it back, destroy it;
then a prompt that asks for another one, which a person approves.

Every claim that it prints is checked; the first that does not hold ends it with exit code 1.
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
from local.stack import Stack

Database = psycopg.Connection[DictRow]
Told = list[tuple[str, dict[str, Any]]]

USER = {"X-User-Id": "demo"}
LATENCY_MS = 100
DEPLOYED_WITHIN = 30.0
"""Seconds that the simulated deployment may take at the most."""

NOT_NEEDED = (
    "MigrateFunction", "NotFoundFunction", "UndoFunction", "CapabilitiesFunction", "ToolsFunction",
    "InvokeToolFunction", "AgentRoutesFunction", "AgentOpenapiFunction", "AgentDocsFunction", "GetPromptFunction",
    "RejectFunction", "CancelFunction", "ClosePromptFunction", "PromptRecoveryFunction",
)  # fmt: skip
FOR_EACH_TOOL = ["ProvisionToolFunction", "DestroyToolFunction"]
"""Functions that serve as many events at once as an instance has tools."""


def demo_settings(settings: Settings) -> Settings:
    """A free port, data of its own, and no key or database of the developer's, so that the demo costs nothing."""
    own = {"SERVICE_DATABASE_URL", "DATABASE_URL", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID", "SERVICES_API_KEY"}
    own |= {"RAILWAY_ENVIRONMENT_NAME", "TELNYX_MESSAGING_PROFILE_ID", "AGENTMAIL_DOMAIN", "POOL_DATABASE_URL"}
    own |= {"AGENT_AUTH", "API_PREFIX"}
    own |= {name for provider in PROVIDERS for name in (provider.key, provider.address)}
    environment = {name: value for name, value in settings.environment.items() if name not in own}
    return replace(
        settings,
        port=0,
        data=settings.data / "demo",
        api_key=Settings.api_key,
        database_url=None,
        schedules=False,
        environment=environment,
    )


def demo(settings: Settings) -> None:
    """Run it. Raises RunnerError with the claim that did not hold."""
    started = time.monotonic()
    console = Console(requests=False)
    with Stack(demo_settings(settings), console) as stack:
        assert stack.simulator_url is not None
        simulator = SimulatorClient(stack.simulator_url)
        simulator.reset()
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        with (
            httpx.Client(base_url=stack.url, headers=headers, timeout=60) as api,
            Database.connect(stack.database_url, autocommit=True, row_factory=dict_row) as database,
        ):
            running = _Demo(api, database, simulator)
            console.say("Warming up the functions")
            needed = [name for name in stack.status()["functions"] if name not in NOT_NEEDED]
            stack.prewarm([*needed, *(FOR_EACH_TOOL * (len(running.tools) - 1))])
            simulator.config({"latency_ms": LATENCY_MS})
            running.run()
    _say(f"\nDone in {time.monotonic() - started:.0f} s. `make run` keeps the same stack up for you.")


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
        _head(f"POST /create-instance {json.dumps(body)}")
        _say(f"(each call to a provider takes {LATENCY_MS} ms)")
        created, seconds = self._watch("create", "POST", "/create-instance", json=body)
        _say(f"answered in {seconds:.2f} s: {json.dumps(created, indent=2)}")
        _check(set(created["services"]) == set(self.tools), "every tool that was asked for is there")

        _head("The same request again makes nothing new")
        before = self.simulator.leftovers()
        again, _ = self._ask("POST", "/create-instance", json=body)
        _check(again == created, "the same answer")
        _check(self.simulator.leftovers() == before, f"the same {len(before)} resources at the providers")

        _head("POST /status/batch until it is deployed")
        self._until_deployed()

        _head("What Postgres holds")
        self._read_back(created)

        _head(f"DELETE /destroy/{self.instance_id}")
        destroyed, seconds = self._watch("destroy", "DELETE", f"/destroy/{self.instance_id}")
        _say(f"answered in {seconds:.2f} s: {json.dumps(destroyed)}")
        _check(all(destroyed["destroyed"].values()), "everything was there and is gone")

        self._ask_the_time()
        self._ask_for_an_instance()

        _head("What is left")
        left = self.simulator.leftovers()
        _check(not left, f"nothing at any provider{': ' + json.dumps(left) if left else ''}")
        _check(not self._rows("instance_infra") and not self._rows("instance_services"), "no row in Postgres")

    def _ask_the_time(self) -> None:
        text = "What time is it?"
        _head(f"POST /api/prompt {json.dumps({'input': text})}")
        told = self._follow("POST", "/api/prompt", json={"input": text})
        called = [data.get("function") for event, data in told if event == "prompt.output"]
        _check(called == ["time.now", None], "the model has called time.now and said what came of it")
        _check(told[-1][0] == "prompt.completed", "the prompt is completed")

    def _ask_for_an_instance(self) -> None:
        instance_id = f"{self.instance_id}-2"
        text = f"Create an instance named {instance_id}"
        _head(f"POST /api/prompt {json.dumps({'input': text})}")
        told = self._follow("POST", "/api/prompt", json={"input": text})
        event, approval = told[-1]
        _check(event == "prompt.approval", "the stream waits for a person, and is left here")
        _check(not self.simulator.leftovers(), "nothing is made yet")

        path = f"/api/prompts/{approval['promptId']}"
        _head(f"POST {path}/approve, then GET {path}/stream with Last-Event-ID: {len(told)}")
        self._ask("POST", f"{path}/approve", headers=USER, json={"toolCallId": approval["toolCallId"]})
        told = self._follow("GET", f"{path}/stream", headers={"Last-Event-ID": str(len(told))})
        result = next(data["result"] for event, data in told if event == "prompt.output")
        _check(result["type"] == "success" and result["output"]["instanceId"] == instance_id, "the instance is made")
        _check(told[-1][0] == "prompt.completed", "the prompt is completed")
        gone, _ = self._ask("DELETE", f"/destroy/{instance_id}")
        _check(gone["destroyed"]["service"], "and destroyed again")

    def _follow(self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any) -> Told:
        """The events of a prompt until it ends or waits for a person."""
        told: Told = []
        with self.api.stream(method, path, headers={**USER, **(headers or {})}, **request) as answer:
            if answer.status_code != 200:
                raise RunnerError(f"{method} {path} answered {answer.status_code}: {answer.read().decode()}")
            event = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    told.append((event, json.loads(value)))
                    _say(f"  {event:<17} {value}")
                    if event == "prompt.approval":
                        break
        return told

    def _watch(self, kind: str, method: str, path: str, **request: Any) -> tuple[dict[str, Any], float]:
        """Make a request and tell the steps of its operation while it runs."""
        answers: list[tuple[dict[str, Any], float]] = []
        asking = threading.Thread(target=lambda: answers.append(self._ask(method, path, **request)), daemon=True)
        asking.start()
        for line in self._steps(kind, asking):
            _say(line)
        asking.join()
        if not answers:
            raise RunnerError(f"{method} {path} gave no answer")
        return answers[0]

    def _steps(self, kind: str, asking: threading.Thread) -> Iterator[str]:
        told: set[str] = set()
        while True:
            last_look = not asking.is_alive()
            query = "SELECT id FROM operations WHERE instance_id = %s AND kind = %s"
            for row in self.database.execute(query, (self.instance_id, kind)).fetchall():
                for step in self._get(f"/operations/{row['id']}")["steps"]:
                    line = f"  {step['status']:<10} {step['name']}"
                    if line not in told:
                        told.add(line)
                        yield line
            if last_look:
                return
            time.sleep(0.15)

    def _until_deployed(self) -> None:
        deadline, last = time.monotonic() + DEPLOYED_WITHIN, ""
        while last != "SUCCESS":
            if time.monotonic() > deadline:
                raise RunnerError(f"not deployed after {DEPLOYED_WITHIN:.0f} s: {last}")
            answer, _ = self._ask("POST", "/status/batch", json={"instanceIds": [self.instance_id]})
            status = str(answer["services"][0]["deployStatus"]) if answer["services"] else "not listed yet"
            if status != last:
                _say(f"  {status}")
                last = status
            time.sleep(0.1)

    def _read_back(self, created: dict[str, Any]) -> None:
        infra, services = self._rows("instance_infra"), self._rows("instance_services")
        for row in infra:
            columns = ("instance_id", "provider_service_id", "url", "volume_id")
            _say("  instance_infra     " + " ".join(str(row[column]) for column in columns))
        for row in services:
            _say(f"  instance_services  {row['tool_id']} {row['resource_id']} ({row['env_key']})")
        _check(len(infra) == 1 and infra[0]["provider_service_id"] == created["serviceId"], "the instance's row")
        stored = {row["tool_id"]: {"resourceId": row["resource_id"]} for row in services}
        _check(stored == created["services"], "a row for each tool")

    def _rows(self, table: str) -> list[dict[str, Any]]:
        query = sql.SQL("SELECT * FROM {} WHERE instance_id = %s").format(sql.Identifier(table))
        return self.database.execute(query, (self.instance_id,)).fetchall()

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path)[0]

    def _ask(self, method: str, path: str, **request: Any) -> tuple[dict[str, Any], float]:
        started = time.monotonic()
        answer = self.api.request(method, path, **request)
        if answer.status_code != 200:
            raise RunnerError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        body: dict[str, Any] = answer.json()
        return body, time.monotonic() - started


def _check(holds: bool, claim: str) -> None:
    if not holds:
        raise RunnerError(f"this does not hold: {claim}")
    _say(f"  ok: {claim}")


def _head(text: str) -> None:
    _say(f"\n== {text}")


def _say(text: str) -> None:
    print(text, flush=True)
