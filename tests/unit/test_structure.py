"""Rules about files that readers rely on."""

import ast
import subprocess
from pathlib import Path

import pytest
import yaml

from local.template.sam_template import Template
from pointsman.agent.loop.runner import MIN_WAIT_SECONDS
from tests.harness.paths import CHECKOUT

TEMPLATE = Template.load(CHECKOUT / "template.yaml", {})


def list_tracked_files(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [CHECKOUT / name for name in names if (CHECKOUT / name).exists()]


def test_no_file_is_over_400_lines() -> None:
    long = [
        path.name
        for path in list_tracked_files("*.py", "*.yaml", "*.sh")
        if "generated" not in path.parts and len(path.read_text().splitlines()) > 400
    ]
    assert [name for name in long if name != "template.yaml"] == []


def test_no_handler_is_over_40_lines() -> None:
    assert [path.name for path in list_tracked_files("functions/*.py") if len(path.read_text().splitlines()) > 40] == []


def test_every_package_has_a_page() -> None:
    for path in list_tracked_files(
        *[f"{folder}/*__init__.py" for folder in ("layers", "functions", "local", "deployment")]
    ):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert len(docstring.splitlines()) >= 3, f"{path.relative_to(CHECKOUT)} does not say it"


@pytest.mark.parametrize("name", sorted(TEMPLATE.functions))
def test_every_function_has_a_module_and_a_sample_event(name: str) -> None:
    module = TEMPLATE.functions[name].module.replace(".", "/")
    assert (CHECKOUT / "functions" / f"{module}.py").is_file()
    assert (CHECKOUT / "events" / f"{module}.json").is_file()


def test_no_module_of_functions_is_left_out_of_the_template() -> None:
    modules = {function.module.replace(".", "/") + ".py" for function in TEMPLATE.functions.values()}
    here = {str(path.relative_to(CHECKOUT / "functions")) for path in list_tracked_files("functions/*.py")}
    assert {name for name in here if not name.endswith("__init__.py")} == modules


def test_every_handler_has_a_name_of_its_own() -> None:
    """Lambda names a handler without its folder, and so do `ps` and tracebacks."""
    handlers = [function.handler for function in TEMPLATE.functions.values()]
    assert len(set(handlers)) == len(handlers)


def test_no_function_imports_another_one() -> None:
    """A folder of functions is a package here and the root on Lambda, so another module has another name there."""
    rooms = {path.parent.name for path in list_tracked_files("functions/*.py")}
    for path in list_tracked_files("functions/*.py"):
        neighbours = {other.stem for other in path.parent.glob("*.py")}
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        assert not [node for node in modules if node.level], path
        names |= {str(node.module) for node in modules}
        assert {name.partition(".")[0] for name in names} & (rooms | neighbours) == set(), path


def test_environment_is_read_in_settings_only() -> None:
    readers = [path for path in list_tracked_files("layers/*.py", "functions/*.py") if "os.environ" in path.read_text()]
    # The streaming runtime reads what Lambda sets, and imports nothing of the package.
    allowed = {"settings/environment.py", "streaming/runtime.py"}
    assert {f"{path.parent.name}/{path.name}" for path in readers} == allowed


@pytest.mark.parametrize("path", list_tracked_files("statemachines/*.yaml"), ids=lambda path: path.name)
def test_every_task_state_has_a_timeout_retries_with_jitter_and_catches_all(path: Path) -> None:
    for name, state in _list_states(yaml.safe_load(path.read_text())):
        if state["Type"] != "Task":
            continue
        # A state that waits for a person gets its timeout as input.
        waits = state["Resource"].endswith(".waitForTaskToken")
        assert state["TimeoutSecondsPath"] if waits else state["TimeoutSeconds"] > 0, name
        assert all(retry["JitterStrategy"] == "FULL" for retry in state["Retry"]), name
        if name != "Close":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@pytest.mark.parametrize("path", list_tracked_files("statemachines/*.yaml"), ids=lambda path: path.name)
def test_a_throttled_function_is_retried_for_minutes_before_anything_is_compensated(path: Path) -> None:
    """Lambda throttles for as long as an account's concurrency is used up, which is no failure of the step."""
    for name, state in _list_states(yaml.safe_load(path.read_text())):
        if state["Type"] != "Task":
            continue
        retry = next(one for one in state["Retry"] if "Lambda.TooManyRequestsException" in one["ErrorEquals"])
        assert retry is state["Retry"][0], f"{name}: an earlier retrier may match first"
        delays = [
            min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
            for attempt in range(retry["MaxAttempts"])
        ]
        assert sum(delays) >= 300, f"{name}: at most {sum(delays)} s"


@pytest.mark.parametrize("path", list_tracked_files("statemachines/*.yaml"), ids=lambda path: path.name)
def test_a_function_ends_before_its_state_does(path: Path) -> None:
    for name, state in _list_states(yaml.safe_load(path.read_text())):
        if state["Type"] == "Task":
            function = state["Parameters"]["FunctionName"].strip("${}")
            assert TEMPLATE.functions[function].timeout < state.get("TimeoutSeconds", MIN_WAIT_SECONDS), name


def _list_states(machine: dict) -> list[tuple[str, dict]]:
    """List all states of a machine, with those of its branches and iterators."""
    found = []
    for name, state in machine["States"].items():
        found.append((name, state))
        for inner in [*state.get("Branches", []), state.get("ItemProcessor", {"States": {}})]:
            found.extend(_list_states(inner))
    return found
