"""How built functions run: the template's Python, Lambda's search path, and nothing of the checkout."""

import json
import subprocess
from pathlib import Path

import pytest

from local.lambda_service.worker import build_lambda_environment
from local.settings import BUILT_PYTHON
from local.stack.stack import Stack
from tests.harness.artefacts import LOCAL_BUILD, needs_artefacts
from tests.harness.paths import CHECKOUT

pytestmark = needs_artefacts

PYTHON = CHECKOUT / BUILT_PYTHON


def run_as(stack: Stack, name: str, code: str) -> object:
    """Run a program with the interpreter, environment and folder of a function's process; returns what it printed."""
    function = stack.template.functions[name]
    completed = subprocess.run(
        [stack.settings.python, "-c", code], cwd=function.code_folder, capture_output=True, text=True, check=True,
        env=build_lambda_environment(function, stack.aws_url, stack.settings.python),
    )  # fmt: skip
    return json.loads(completed.stdout)


@pytest.mark.parametrize(
    "name", ["HealthzFunction", "AdvancePromptFunction", "PromptStreamFunction", "MigrateFunction"]
)
def test_only_function_layer_and_runtime_are_on_the_path(stack: Stack, name: str) -> None:
    path = run_as(stack, name, "import json, sys; print(json.dumps([sys.version_info[:2], sys.path]))")
    assert isinstance(path, list)
    version, entries = path
    assert f"python{version[0]}.{version[1]}" == stack.template.functions[name].runtime
    expected = [LOCAL_BUILD / name, LOCAL_BUILD / "SharedLayer/python"]
    packages = PYTHON.parent.parent / "lib" / f"python{version[0]}.{version[1]}" / "site-packages"
    folders = [Path(entry) for entry in entries if entry]
    assert folders[:2] == expected
    leaked = [folder for folder in folders[2:] if CHECKOUT in folder.parents and folder.resolve() != packages.resolve()]
    assert leaked == []


@pytest.mark.parametrize(("name", "modules"), [
    ("HealthzFunction", {"pointsman": "SharedLayer", "fastapi": "SharedLayer", "healthz": "HealthzFunction"}),
    ("MigrateFunction", {"alembic": "MigrateFunction", "sqlalchemy": "MigrateFunction", "psycopg": "SharedLayer"}),
    ("AgentAuthorizerFunction", {"jwt": "AgentAuthorizerFunction", "cryptography": "AgentAuthorizerFunction"}),
    ("ToolsFunction", {"composition": "SharedLayer", "tools": "ToolsFunction"}),
])  # fmt: skip
def test_modules_come_from_the_artefacts(stack: Stack, name: str, modules: dict[str, str]) -> None:
    code = f"import importlib, json; print(json.dumps([importlib.import_module(m).__file__ for m in {list(modules)}]))"
    files = run_as(stack, name, code)
    assert isinstance(files, list)
    assert [Path(file).relative_to(LOCAL_BUILD).parts[0] for file in files] == list(modules.values())


def test_boto3_comes_from_the_runtime(stack: Stack) -> None:
    file = run_as(stack, "ReconcilerFunction", "import botocore, json; print(json.dumps(botocore.__file__))")
    assert Path(str(file)).is_relative_to(PYTHON.parent.parent)


def test_the_stack_runs_what_was_built(stack: Stack) -> None:
    assert stack.status()["pointsman"]["template"] == str(LOCAL_BUILD / "template.yaml")
    assert stack.template.functions["HealthzFunction"].code_folder == LOCAL_BUILD / "HealthzFunction"
