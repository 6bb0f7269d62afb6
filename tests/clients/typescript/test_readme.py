"""The examples work when they are pasted."""

import re

import pytest

from local.settings import DEVELOPMENT_API_KEY
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.typescript.node_project import PACKAGE, NodeProject
from tests.harness.database import Database
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

BLOCK = re.compile(r"^```ts\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = BLOCK.findall((PACKAGE / "README.md").read_text())
LOCAL_URL = "http://127.0.0.1:3002"


def paste(project: NodeProject, stack: Stack, name: str, code: str) -> str:
    """Compile and run an example against the stack, in place of the one of `make run`; returns what it prints."""
    assert LOCAL_URL in code
    file = project.root / f"{name}.ts"
    file.write_text(code.replace(LOCAL_URL, stack.url).replace(DEVELOPMENT_API_KEY, API_KEY))
    assert project.compile([file], lib=["ES2022"], types=["node"]) == ""
    return project.run_text(name)


def test_the_prompt_answers(project: NodeProject, stack: Stack, simulator: SimulatorClient) -> None:
    assert len(EXAMPLES[0].splitlines()) == 5
    assert paste(project, stack, "pasted_prompt", EXAMPLES[0]).startswith("It is 20")


def test_the_instance_is_created_and_destroyed(
    project: NodeProject, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    assert paste(project, stack, "pasted_instance", EXAMPLES[1]).startswith("https://")
    rows = db.execute("SELECT kind, status FROM operations WHERE instance_id = 'agent-7' ORDER BY created_at")
    assert [(row["kind"], row["status"]) for row in rows] == [("create", "succeeded"), ("destroy", "succeeded")]
    assert simulator.list_leftovers() == []


def test_the_projects_readme_has_the_first_one() -> None:
    assert EXAMPLES[0] in (CHECKOUT / "README.md").read_text()
