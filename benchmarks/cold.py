"""What a cold start of each function costs: CPU from process start to first answer, in bare handlers (floors).

Each function runs under the real runtime client in a fresh process, of an environment that holds what Lambda holds
and no more, and answers its sample event: against a real database, the simulated providers and a Step Functions API.
The bare handler runs before and after each in the same way: the ratio to these two is what counts, the median over
rounds.

    python -m benchmarks.cold [--rounds 5] [--python .venv/lambda/bin/python] [--only services.get_operation …]

Exits with 1 if a budget does not hold.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from local.console import Console
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.stack import Stack
from local.template import Function, Template
from local.worker import lambda_environment

ROOT = Path(__file__).resolve().parent.parent
TASKS, STARTERS, WITH_DATABASE, LIGHT, STREAM = 7.5, 13.0, 11.0, 9.0, 6.0
BUDGETS = {
    "authorizer": 2.0,
    "agent_authorizer": 2.0,
    "services.healthz": LIGHT,
    "services.registry": LIGHT,
    "services.openapi": LIGHT,
    "services.not_found": LIGHT,
    "agent.capabilities": LIGHT,
    "agent.tools": LIGHT,
    "agent.routes": LIGHT,
    "agent.openapi": LIGHT,
    "agent.docs": LIGHT,
    "agent.invoke_tool": WITH_DATABASE,
    "agent.prompt_stream": STREAM,
    "agent.get_prompt": WITH_DATABASE,
    "agent.approve": STARTERS,
    "agent.reject": STARTERS,
    "agent.cancel": STARTERS,
    "services.get_operation": WITH_DATABASE,
    "services.status_batch": WITH_DATABASE,
    "services.dashboard_instances": WITH_DATABASE,
    "services.dashboard_credits": WITH_DATABASE,
    "scheduled.status_poller": TASKS,
    "scheduled.prompt_recovery": TASKS,
    # With pydantic for the tools, httpx for the model and psycopg it is a task of another kind.
    "tasks.advance_prompt": WITH_DATABASE,
    "services.retry_operation": STARTERS,
    "services.abandon_operation": WITH_DATABASE,
    "scheduled.reconciler": TASKS,
    "services.redeploy": STARTERS,
    "services.configure": STARTERS,
    "services.provision": STARTERS,
    "services.destroy_resource": STARTERS,
    "services.create_instance": STARTERS,
    "services.destroy_instance": STARTERS,
}
"""Floors, by design; every task has the same. `migrate` runs at deployments only and has none."""

ORDER = [
    "authorizer", "agent_authorizer", "services.healthz", "services.registry", "services.openapi", "services.not_found",
    "agent.capabilities", "agent.tools", "agent.routes", "agent.openapi", "agent.docs",
    "agent.invoke_tool", "tasks.provision_tool",
    "tasks.create_service", "tasks.attach_volume", "tasks.create_domain", "tasks.deploy_instance",
    "tasks.record_instance", "services.get_operation", "services.status_batch", "scheduled.status_poller",
    "services.dashboard_instances", "services.dashboard_credits", "services.configure",
    "services.redeploy", "services.provision", "services.destroy_resource", "tasks.attach_tool", "tasks.destroy_tool",
    "tasks.destroy_volumes", "tasks.destroy_service", "tasks.close_operation", "tasks.undo",
    "tasks.advance_prompt", "tasks.await_approval", "tasks.close_prompt", "agent.prompt_stream",
    "agent.get_prompt", "agent.approve", "agent.reject", "agent.cancel", "scheduled.prompt_recovery",
    "services.create_instance", "services.destroy_instance", "services.retry_operation",
    "services.abandon_operation", "scheduled.reconciler", "migrate",
]  # fmt: skip
"""The order in which their sample events make sense."""


PROMPTS = {
    "tasks.advance_prompt": (f"prompt-{1:032d}", "running"),
    "tasks.await_approval": (f"prompt-{2:032d}", "waiting"),
    "agent.approve": (f"prompt-{3:032d}", "waiting"),
    "agent.reject": (f"prompt-{4:032d}", "waiting"),
}
"""The prompts of the sample events, and how their functions must find them."""


class _RuntimeApi(ThreadingHTTPServer):
    """Hands out one event and takes its answer."""

    daemon_threads = True

    def __init__(self, event: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event: bytes | None = event
        self.answer: tuple[str, bytes] | None = None
        self.answered = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """The measured process is killed when it has answered, in the middle of asking for more."""


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        event, self.server.event = self.server.event, None
        if event is None:
            self.server.answered.wait()
            threading.Event().wait(3600)
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000000",
            "Lambda-Runtime-Deadline-Ms": "99999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        body = b"" if "Content-Length" in self.headers else self._chunks()
        self.server.answer = (self.path, body or self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answered.set()
        self._answer(202, b"{}", {})

    def _chunks(self) -> bytes:
        """The head of a streamed answer, which is JSON too, without the NUL bytes after it and the body."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body.partition(b"\0" * 8)[0]

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_line: Any) -> None:
        return


def cold_start(python: str, handler: str, code: Path, environment: dict[str, str], event: object) -> tuple[float, Any]:
    """CPU seconds of a fresh process until it has answered, and the answer."""
    api = _RuntimeApi(json.dumps(event).encode())
    threading.Thread(target=api.serve_forever, daemon=True).start()
    environment = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}", "_HANDLER": handler}
    command = [*exec_wrapper(environment), python, "-m", "awslambdaric", handler]
    process = subprocess.Popen(
        command, cwd=code, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        if not api.answered.wait(60):
            raise SystemExit(f"{handler} gave no answer")
    finally:
        process.kill()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        if process.stderr is not None:
            process.stderr.close()
        api.shutdown()
        api.server_close()
    assert api.answer is not None
    path, body = api.answer
    if not path.endswith("/response"):
        raise SystemExit(f"{handler} failed: {body.decode()[:500]}")
    return usage.ru_utime + usage.ru_stime, json.loads(body)


def exec_wrapper(environment: dict[str, str]) -> list[str]:
    """What Lambda starts in place of the runtime client for a function that streams."""
    name = environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    return [name.replace("/opt/python", str(ROOT / "layers/shared"))] if name else []


class Bench:
    """Rounds of cold starts, each round with an instance of its own."""

    def __init__(self, stack: Stack, python: str) -> None:
        self.stack = stack
        self.python = python
        overrides = stack.settings.function_overrides(stack.database_url, stack.simulator_url)
        template = Template.load(ROOT / "template.yaml", overrides)
        self.functions = {function.handler.rpartition(".")[0]: function for function in template.functions.values()}
        self.floors: dict[str, list[float]] = {}
        self.bare: list[float] = []
        assert set(self.functions) == set(ORDER), set(self.functions) ^ set(ORDER)

    def round(self, number: int, only: list[str]) -> None:
        ids = {f"op-{n:032d}": f"op-bench-{number}-{n}" for n in (1, 2, 3, 4)}
        with psycopg.connect(self.stack.database_url, autocommit=True) as database:
            for module in ORDER:
                self._prepare(database, module, number, list(ids.values()))
                measured = module in only or not only
                before = self._bare() if measured else 0.0
                function = self.functions[module]
                seconds, answer = cold_start(
                    self.python,
                    function.handler,
                    function.code,
                    self._environment(function),
                    event(module, number, ids),
                )
                if isinstance(answer, dict) and answer.get("statusCode", 200) not in (200, 404):
                    raise SystemExit(f"{module} answered {answer}")
                if measured:
                    self.floors.setdefault(module, []).append(2 * seconds / (before + self._bare()))

    def _bare(self) -> float:
        with bare_handler() as (code, environment):
            self.bare.append(cold_start(self.python, "bare.handler", code, environment, {})[0])
        return self.bare[-1]

    def _environment(self, function: Function) -> dict[str, str]:
        return lambda_environment(function, self.stack.aws_url)

    def _prepare(self, database: psycopg.Connection[Any], module: str, number: int, ids: list[str]) -> None:
        begin = {"tasks.provision_tool": (ids[0], "create"), "tasks.destroy_tool": (ids[1], "destroy")}
        begin |= {"tasks.undo": (ids[2], "create"), "tasks.attach_tool": (ids[3], "provision")}
        if module in begin:
            tool = "telnyx" if module == "tasks.attach_tool" else "openrouter"
            request = {"name": f"convos-agent-bench-{number}", "tools": [tool]}
            query = "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, %s, %s, %s)"
            operation_id, kind = begin[module]
            database.execute(query, (operation_id, f"bench-{number}", kind, json.dumps(request)))
        if module in PROMPTS:
            prepare_prompt(database, *PROMPTS[module])
        if module == "tasks.attach_tool":
            database.execute(
                "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, resource_id)"
                " VALUES (%s, %s, 'telnyx', 'tool', '{}', 'created', '+15550100000')",
                (ids[3], f"bench-{number}"),
            )
        if module == "tasks.destroy_tool":
            query = "UPDATE operation_resources SET state = 'deleted' WHERE operation_id = %s"
            database.execute(query, (ids[3],))


def prepare_prompt(database: psycopg.Connection[Any], prompt_id: str, status: str) -> None:
    """A prompt of the sample events' user; one that waits does so for an approval."""
    database.execute("DELETE FROM prompts WHERE id = %s", (prompt_id,))
    query = "INSERT INTO prompts (id, user_id, input, status, deadline) VALUES (%s, 'user-1', 'Hello', %s, %s)"
    database.execute(query, (prompt_id, status, datetime.now(UTC) + timedelta(hours=1)))
    item = {"type": "message", "role": "user", "content": "Hello"}
    database.execute("INSERT INTO prompt_items VALUES (%s, 1, 0, %s)", (prompt_id, json.dumps(item)))
    if status == "waiting":
        asked = {"id": "call_1", "name": "time.now", "arguments": "{}"}
        shown = {"toolName": "time.now", "input": {}, "reason": "A sample"}
        database.execute(
            "INSERT INTO prompt_calls (prompt_id, turn, position, asked, state, shown, digest, expires_at)"
            " VALUES (%s, 0, 0, %s, 'waiting', %s, 'none', now() + interval '1 hour')",
            (prompt_id, json.dumps(asked), json.dumps(shown)),
        )


def event(module: str, number: int, ids: dict[str, str]) -> object:
    """The function's sample event, about this round's instance and operations."""
    text = (ROOT / "events" / f"{module.replace('.', '/')}.json").read_text()
    for sample, own in ids.items():
        text = text.replace(sample, own)
    return json.loads(text.replace("sample-1", f"bench-{number}"))


@contextmanager
def bare_handler() -> Iterator[tuple[Path, dict[str, str]]]:
    """A handler that does nothing, under the same runtime client."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder)
        (code / "bare.py").write_text("def handler(event, context):\n    return {}\n")
        yield code, {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": folder, "AWS_LAMBDA_FUNCTION_NAME": "bare"}


def table(measured: dict[str, list[float]]) -> tuple[str, bool]:
    """The table in Markdown, and whether every budget holds."""
    lines, held = ["| function | floors | budget | |", "|---|---:|---:|---|", "| a bare handler | 1.0 | | |"], True
    for name, rounds in sorted(measured.items(), key=lambda item: median(item[1])):
        budget = BUDGETS.get(name, TASKS if name.startswith("tasks.") else None)
        floors = median(rounds)
        fits = budget is None or floors <= budget
        held = held and fits
        told = "" if budget is None else f"{budget:.1f}"
        lines.append(f"| {name} | {floors:.1f} | {told} | {'' if fits else 'over'} |")
    return "\n".join(lines), held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], metavar="MODULE", help="measure these; the others only run")
    parser.add_argument("--python", default=sys.executable, help="of an environment that holds what Lambda holds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        environment = {
            "PATH": os.environ["PATH"], "AGENT_AUTH": "api_key", "AGENT_API_KEY": "agent-key-of-the-sample",
        }  # fmt: skip
        settings = replace(
            Settings.load(environ={**environment, "POINTSMAN_DATA": data}),
            port=0, environment=environment, database_url=None, schedules=False,
        )  # fmt: skip
        with Stack(settings, Console(quiet=True)) as stack:
            assert stack.simulator_url is not None
            with SimulatorClient(stack.simulator_url) as simulator:
                simulator.config({"railway": {"deploy_seconds": 0}})
            bench = Bench(stack, str(Path(options.python).absolute()))
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
                bench.round(number, options.only)
    text, held = table(bench.floors)
    version = subprocess.run([options.python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}; one floor is {median(bench.bare) * 1000:.0f} ms of CPU here\n\n{text}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
