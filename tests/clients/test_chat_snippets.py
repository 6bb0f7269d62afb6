"""What docs/chat-protocols.md shows in five lines works when it is pasted."""

import re
import subprocess
from pathlib import Path

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.node_driver import NODE, PACKAGES
from tests.harness.ids import unique_id
from tests.harness.paths import CHECKOUT
from tests.prompts.prompt_stream import text_turn

pytestmark = pytest.mark.clients

SNIPPETS = re.findall(r"```js\n(.+?)```", (CHECKOUT / "docs/chat-protocols.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["ag-ui", "ai-sdk"])
def test_five_lines_get_an_answer(snippet: str, stack: Stack, simulator: SimulatorClient, tmp_path: Path) -> None:
    assert len(snippet.splitlines()) == 5
    simulator.script_model(text_turn("It is ten past ten."), match="What time is it?")
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    script = tmp_path / "snippet.mjs"
    script.write_text(snippet.replace("http://127.0.0.1:3002", stack.url).replace('"ada"', f'"{unique_id("user-")}"'))
    completed = subprocess.run([NODE, script], capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 0, completed.stderr
    assert "It is ten past ten." in completed.stdout
