"""Profiles, credentials, logs, completion and the README on the command line."""

import os
import re
import stat
import subprocess

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.cli.program import Program
from tests.harness.instances import new_instance_id
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.clients


def test_profiles_are_set_used_and_shown_without_their_secrets(pointsman: Program, stack: Stack) -> None:
    program = pointsman.replace(POINTSMAN_URL=None, POINTSMAN_SERVICES_KEY=None, POINTSMAN_USER_ID=None)
    listed = program.run_json("profiles", "list")
    assert [(one["name"], one["url"], one["current"]) for one in listed] == [
        ("local", "http://127.0.0.1:3002", True), ("staging", "", False), ("production", "", False),
    ]  # fmt: skip
    assert "no address" in program.run("instances", "list", "-p", "staging", code=2).stderr
    set_up = ("profiles", "set", "staging", "--url", stack.url, "--user", "ada", "--services-key")
    shown = program.run_json(*set_up, stdin=f"{API_KEY}\n")
    assert (shown["services_key"], shown["agent_key"], shown["user_id"]) == (True, False, "ada")
    path = program.home / ".config/pointsman/profiles.json"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    program.run_json("instances", "list", "-p", "staging")
    program.run("profiles", "use", "staging")
    program.run_json("instances", "list")
    assert [one["name"] for one in program.run_json("profiles", "list") if one["current"]] == ["staging"]
    everything = [program.run("profiles", *arguments).stdout for arguments in (["list"], ["show"], ["show", "staging"])]
    assert API_KEY not in "".join(everything)
    assert program.replace(POINTSMAN_PROFILE="local").run_json("profiles", "show")["url"] == "http://127.0.0.1:3002"
    assert program.run_error("instances", "list", "-p", "elsewhere", code=1)["code"] == "FAILURE"


def test_a_stored_key_goes_to_its_own_address_only(pointsman: Program, stack: Stack) -> None:
    program = pointsman.replace(POINTSMAN_URL=None, POINTSMAN_SERVICES_KEY=None)
    program.run("profiles", "set", "local", "--url", "http://127.0.0.1:1", "--services-key", stdin=f"{API_KEY}\n")
    elsewhere = program.replace(POINTSMAN_URL=stack.url)
    assert "POINTSMAN_SERVICES_KEY" in elsewhere.run("instances", "list", code=3).stderr
    assert program.run_json("profiles", "set", "local", "--url", stack.url)["services_key"] is False


def test_a_file_that_others_may_read_is_refused(pointsman: Program) -> None:
    pointsman.run("profiles", "set", "mine", "--url", "https://agents.example.org")
    path = pointsman.home / ".config/pointsman/profiles.json"
    path.chmod(0o644)
    assert "chmod 600" in pointsman.run("profiles", "list", code=1).stderr


def test_a_wrong_credential(pointsman: Program) -> None:
    wrong = pointsman.replace(POINTSMAN_SERVICES_KEY="a-wrong-key-of-this-test")
    completed = wrong.run("instances", "list", code=3)
    assert "a-wrong-key" not in completed.stdout + completed.stderr
    assert wrong.run_error("operations", "list", code=3)["code"] == "UNAUTHENTICATED"
    broken = pointsman.replace(POINTSMAN_SERVICES_KEY="a-key\nof-two-lines").run("instances", "list", code=3)
    assert "of-two-lines" not in broken.stderr
    nobody = pointsman.replace(POINTSMAN_USER_ID="a user whose name is no ASCII: ä").run("prompts", "list", code=3)
    assert nobody.stdout == ""


def test_the_logs_of_a_local_stack(pointsman: Program, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    pointsman.run("instances", "create", new_instance_id(), code=5)
    function = "CreateServiceFunction"
    assert "step service failed" in pointsman.run_lines("logs", function)[-1]["line"] + pointsman.run("logs").stdout
    assert {line["function"] for line in pointsman.run_lines("logs", function, "-n", "5")} == {function}
    assert f"{function}  20" in pointsman.run("logs", "-n", "100000").stdout
    pointsman.run("logs", "NoFunction", code=4)
    remote = pointsman.replace(POINTSMAN_URL="https://agents.example.org", POINTSMAN_PROFILE="staging")
    assert "sam logs --config-env staging --tail" in remote.run("logs", code=1).stderr


def test_completion_is_produced_and_completes(pointsman: Program) -> None:
    script = pointsman.run("--show-completion", "bash").stdout
    assert "pointsman" in script
    completing = pointsman.replace(
        _POINTSMAN_COMPLETE="complete_bash", COMP_WORDS="pointsman instances d", COMP_CWORD="2"
    )
    assert completing.run().stdout.split() == ["destroy"]


def test_help_and_version(pointsman: Program) -> None:
    assert pointsman.run("--version").stdout.split()[0] == "pointsman"
    assert "130 interrupted" in pointsman.run("--help").stdout.replace("\n  ", " ")
    for group in ("instances", "operations", "prompts", "approvals", "tools", "profiles"):
        assert "Commands" in pointsman.run(group, "--help").stdout


@pytest.mark.parametrize(("page", "count"), [("README.md", 2), ("clients/cli/README.md", 5)])
def test_the_examples_of_the_readme_work(pointsman: Program, stack: Stack, page: str, count: int) -> None:
    examples = re.findall(r"```sh\n(.*?)```", (CHECKOUT / page).read_text(), re.DOTALL)
    lines = [line for example in examples for line in example.splitlines() if "/pointsman " in line]
    assert len(lines) == count
    environment = {
        **pointsman.environment,
        "POINTSMAN_URL": stack.url,
        "PATH": f"{pointsman.path.parent}:{os.environ['PATH']}",
    }
    for line in lines:
        command = line.replace(".venv/cli/bin/pointsman", "pointsman")
        completed = subprocess.run(
            ["sh", "-c", command], check=False, env=environment, capture_output=True, text=True, timeout=60
        )
        assert completed.returncode == 0, (line, completed.stdout, completed.stderr)
