"""What README.md shows of protocols and webhooks works when it is pasted; clients have tests of their own."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.node_driver import NODE, PACKAGES
from tests.harness.ids import unique_id
from tests.harness.paths import CHECKOUT
from tests.prompts.prompt_stream import text_turn

pytestmark = pytest.mark.clients

README = (CHECKOUT / "README.md").read_text()
SCRIPTS = re.findall(r"```js\n(.+?)```", README, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.+?)```", README, re.DOTALL)
INSPECTOR = "npx -y @modelcontextprotocol/inspector@2"


def find_commands(part: str) -> str:
    [commands] = [commands for commands in COMMANDS if part in commands]
    return commands


def run_commands(commands: str, stack: Stack, user: str) -> list[Any]:
    """Run what is pasted into a shell, against the stack and as a user of this test; returns what it prints, parsed."""
    script = commands.replace("http://127.0.0.1:3002", stack.url).replace("X-User-Id: ada", f"X-User-Id: {user}")
    shell = ["bash", "-e", "-o", "pipefail", "-c", script]
    completed = subprocess.run(shell, capture_output=True, text=True, timeout=100, check=False)
    assert completed.returncode == 0, completed.stderr
    printed, rest = list[Any](), completed.stdout.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        printed.append(value)
        rest = rest[end:].lstrip()
    return printed


@pytest.mark.parametrize("script", SCRIPTS, ids=["ag-ui", "ai-sdk"])
def test_five_lines_of_a_chat_get_an_answer(
    script: str, stack: Stack, simulator: SimulatorClient, tmp_path: Path
) -> None:
    assert len(script.splitlines()) == 5
    assert script in (CHECKOUT / "docs/chat-protocols.md").read_text()
    simulator.script_model(text_turn("It is ten past ten."), match="What time is it?")
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    path = tmp_path / "script.mjs"
    path.write_text(script.replace("http://127.0.0.1:3002", stack.url).replace('"ada"', f'"{unique_id("user-")}"'))
    completed = subprocess.run([NODE, path], capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 0, completed.stderr
    assert "It is ten past ten." in completed.stdout


def test_the_inspector_calls_a_tool(stack: Stack) -> None:
    commands = find_commands(INSPECTOR)
    # The package that requirements/npm-clients pins, in place of the one that npx would fetch.
    inspector = f"{NODE} {PACKAGES / '.bin' / 'mcp-inspector'}"
    [result] = run_commands(commands.replace(INSPECTOR, inspector), stack, unique_id("user-"))
    assert result["structuredContent"]["timezone"] == "UTC"


def test_a_webhook_is_registered_and_its_deliveries_are_listed(stack: Stack) -> None:
    webhook, delivery, listed = run_commands(find_commands("/api/webhooks"), stack, unique_id("user-"))
    assert webhook["secret"].startswith("whsec_")
    assert [one["id"] for one in listed["deliveries"]] == [delivery["id"]]
