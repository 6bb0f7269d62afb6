"""`make sam-local`: the variables and the command for `sam local`, the relays, and `sam local start-api` itself."""

import json
import os
import platform
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from local.commands import sam_local_relay
from local.commands.sam_local import build_sam_command
from local.commands.sam_local_relay import Relay, find_bridge
from local.errors import RunnerError
from local.settings import DEVELOPMENT_API_KEY, PROVIDERS
from local.stack.stack import Stack
from local.template.intrinsics import load_yaml
from tests.harness.checkout import link_checkout, temporary_folder
from tests.harness.clients import open_client, services_client
from tests.harness.ids import unique_id
from tests.harness.instances import create_request
from tests.harness.paths import CHECKOUT, EVENTS, TEMPLATE
from tests.harness.runner_process import RunnerProcess, start_command
from tests.harness.stack import API_KEY, ORIGIN_SECRET, stack_environment
from tests.harness.wait import wait_until

pytestmark = pytest.mark.slow

LOOPBACK_BRIDGE = "127.0.0.1/8"
"""Takes the place of Docker's bridge, which not every machine has."""

LAST_LINE = "a function's concurrency"
PLANTED = "planted-value-of-the-developer"
SECRET_NAME = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD)$")


def read_env_file(root: Path) -> dict[str, dict[str, str]]:
    return json.loads((root / "env.json").read_text())


def list_declared_variables() -> dict[str, set[str]]:
    """The variables that the template gives each function, by its logical id."""
    document = load_yaml(TEMPLATE)

    def list_names(properties: dict[str, Any]) -> set[str]:
        return set(properties.get("Environment", {}).get("Variables", {}))

    common = list_names(document["Globals"]["Function"])
    return {
        name: common | list_names(resource["Properties"])
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


@pytest.fixture(scope="module")
def runner() -> Iterator[RunnerProcess]:
    """`sam-local` with simulated providers, started by a developer who has credentials of AWS."""
    with temporary_folder() as folder:
        root = link_checkout(folder)
        with RunnerProcess.with_simulated_providers(
            root, "--bridge", LOOPBACK_BRIDGE, command="sam-local",
            AWS_SECRET_ACCESS_KEY=PLANTED, AWS_ACCESS_KEY_ID=PLANTED, AWS_SESSION_TOKEN=PLANTED, UNDECLARED_KEY=PLANTED,
        ) as process:  # fmt: skip
            process.wait_for_line(LAST_LINE)
            yield process


def test_the_file_has_each_functions_declared_variables_and_no_other(runner: RunnerProcess) -> None:
    variables = read_env_file(runner.root)
    assert {name: set(values) for name, values in variables.items()} == list_declared_variables()
    assert stat.S_IMODE((runner.root / "env.json").stat().st_mode) == 0o600


def test_the_file_has_no_secret_but_those_of_development(runner: RunnerProcess) -> None:
    assert PLANTED not in (runner.root / "env.json").read_text()
    assert not any(PLANTED in line for line in runner.lines)
    development_keys = {"", DEVELOPMENT_API_KEY, *(f"sim-{provider.name}-key" for provider in PROVIDERS)}
    for values in read_env_file(runner.root).values():
        assert {value for name, value in values.items() if SECRET_NAME.search(name)} <= development_keys


def test_references_are_resolved(runner: RunnerProcess) -> None:
    arn = read_env_file(runner.root)["CreateInstanceFunction"]["CREATE_STATE_MACHINE_ARN"]
    assert arn == runner.status()["stateMachines"]["CreateInstanceMachine"]


def test_containers_get_relayed_addresses_that_work(runner: RunnerProcess) -> None:
    values = read_env_file(runner.root)["CreateServiceFunction"]
    status = runner.status()
    simulator_url = values["RAILWAY_API_URL"].removesuffix("/railway/graphql/v2")
    for url, target, path in (
        (simulator_url, status["simulator"], "/_sim/config"),
        (values["AWS_ENDPOINT_URL"], status["aws"], "/moto-api/data.json"),
    ):
        assert url != target
        with open_client(url) as client:
            assert client.get(path).status_code == 200
    with psycopg.connect(runner.database_url) as connection:
        assert connection.execute("SELECT inet_server_port()").fetchone() != (urlsplit(runner.database_url).port,)


def test_the_command_and_the_limits_are_printed(runner: RunnerProcess) -> None:
    assert f"  {build_sam_command()}" in runner.lines
    command = shlex.split(build_sam_command())
    assert command[:2] == ["AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"]
    assert command[command.index("--env-vars") + 1] == "env.json"
    for path in ("/api/prompt", "/api/prompts/{promptId}/stream"):
        assert f"  the response stream of {path}: use {runner.url}" in runner.lines


def test_it_stops_without_leaving_a_process_or_the_file() -> None:
    with temporary_folder() as folder:
        root = link_checkout(folder)
        with RunnerProcess(root, "--bridge", LOOPBACK_BRIDGE, command="sam-local") as process:
            process.wait_for_line(LAST_LINE)
            port = urlsplit(process.database_url).port
            descendants = process.descendants()
            assert descendants
            process.process.send_signal(signal.SIGINT)
            assert process.wait() == 0
        assert process.lines[-1] == "Pointsman has stopped"
        assert not any(descendant.is_running() for descendant in descendants)
        assert not (root / "env.json").exists()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("bridge", "message"),
    [
        ("docker0", "--bridge is 'docker0'; it has to be an address and a prefix"),
        ("192.0.2.254/24", "192.0.2.254, where containers reach this machine, is not an address of it"),
    ],
)
def test_a_bridge_that_cannot_be_used_is_named(bridge: str, message: str) -> None:
    with temporary_folder() as folder:
        process = start_command("sam-local", link_checkout(folder), "--bridge", bridge)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, message in errors) == (1, True), errors
        assert not (folder / "env.json").exists()


# ---- Docker's bridge


@contextmanager
def docker_that(folder: Path, script: str) -> Iterator[None]:
    """A `docker` on PATH that runs a script instead."""
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.mark.parametrize(
    ("configuration", "bridge"),
    [
        ('[{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.9"}]', "172.18.0.9/16"),
        ('[{"Subnet": "172.17.0.0/16"}]', "172.17.0.1/16"),
        ('[{"Subnet": "fd00::/64"}, {"Subnet": "10.1.2.0/24"}]', "10.1.2.1/24"),
    ],
)
def test_the_bridge_is_found(tmp_path: Path, configuration: str, bridge: str) -> None:
    with docker_that(tmp_path, f"echo '{configuration}'"):
        assert find_bridge() == IPv4Interface(bridge)


def test_a_bridge_that_is_not_found_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_daemon = docker_that(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with no_daemon, pytest.raises(RunnerError, match=r"needs a Docker daemon.*Cannot connect"):
        find_bridge()
    with docker_that(tmp_path, "echo '[]'"), pytest.raises(RunnerError, match="--bridge"):
        find_bridge()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(RunnerError, match="no `docker` on PATH"):
        find_bridge()


async def exchange_through_relay(bridge: str, peer: str) -> bytes:
    """Send a word from an address through a relay to a server that echoes it; returns what comes back."""
    import asyncio

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        relay = Relay(IPv4Interface(bridge))
        try:
            relayed = urlsplit(await relay.relay_url(f"http://user:pass@127.0.0.1:{port}/path?a=b"))
            assert (relayed.username, relayed.password, relayed.path, relayed.query) == ("user", "pass", "/path", "a=b")
            assert await relay.relay_url(f"http://localhost:{port}") != await relay.relay_url("http://localhost:1")
            reader, writer = await asyncio.open_connection(relayed.hostname, relayed.port, local_addr=(peer, 0))
            writer.write(b"hello")
            writer.write_eof()
            try:
                return await reader.read()
            finally:
                writer.close()
        finally:
            await relay.close()


def test_a_relay_serves_its_network_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    assert asyncio.run(exchange_through_relay("127.0.0.1/32", "127.0.0.3")) == b"hello", "an address of this machine"
    monkeypatch.setattr(sam_local_relay, "_is_own_address", lambda address: False)
    assert asyncio.run(exchange_through_relay("127.0.0.1/29", "127.0.0.3")) == b"hello"
    with suppress(ConnectionResetError):
        assert asyncio.run(exchange_through_relay("127.0.0.1/32", "127.0.0.3")) == b""


@pytest.mark.parametrize("text", ["", "local", "us-east-1", "https://api.telnyx.com/v2", "http://[::1", "a:b@c"])
def test_what_is_not_on_loopback_is_not_relayed(text: str) -> None:
    import asyncio

    assert asyncio.run(Relay(IPv4Interface(LOOPBACK_BRIDGE)).relay_url(text)) == text


# ---- What `sam local` sends: names of headers are capitalized.


def test_the_authorizer_takes_capitalized_headers(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}", "X-Origin-Secret": ORIGIN_SECRET}
    result = stack.invoke("AuthorizerFunction", {"headers": headers})
    assert json.loads(result.payload)["context"] == {"caller": "services"}


def test_idempotency_keys_are_read_from_capitalized_headers(stack: Stack) -> None:
    event = json.loads((EVENTS / "services/create_instance.json").read_text())
    event["headers"] = {"Content-Type": "application/json", "Idempotency-Key": "not a valid key \n"}
    assert json.loads(stack.invoke("CreateInstanceFunction", event).payload)["statusCode"] == 400


# ---- The real thing

AWS_IMAGE = "public.ecr.aws/lambda/python:3.13"
OWN_IMAGE = "pointsman/lambda-python3.13"
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def run_docker(*arguments: str) -> str | None:
    """Output of a docker command; None if it failed."""
    if shutil.which("docker") is None:
        return None
    result = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    return result.stdout if result.returncode == 0 else None


@pytest.fixture(scope="module")
def image_options() -> list[str]:
    """Options of `sam local` that take an image which is here already."""
    if run_docker("info") is None:
        pytest.skip("`sam local` needs a Docker daemon, and none answers")
    if run_docker("image", "inspect", f"{AWS_IMAGE}-{ARCHITECTURE}") is not None:
        return ["--skip-pull-image"]
    if run_docker("image", "inspect", OWN_IMAGE) is not None:
        return ["--skip-pull-image", "--invoke-image", OWN_IMAGE]
    pytest.skip(
        f"no image of Lambda's Python: `docker pull {AWS_IMAGE}-{ARCHITECTURE}`, or `sh tests/local/sam_image/build.sh`"
    )


@contextmanager
def sam_start_api(root: Path, options: list[str]) -> Iterator[str]:
    """The printed command on a free port; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log_path = root / "sam.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", f"exec env {build_sam_command()} --port {port} {shlex.join(options)}"],
            cwd=root,
            env=stack_environment(HOME=str(root), SAM_CLI_TELEMETRY="0", DOCKER_HOST=os.environ.get("DOCKER_HOST")),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:

        def is_ready() -> bool:
            assert process.poll() is None, log_path.read_text()
            return "Press CTRL+C to quit" in log_path.read_text()

        wait_until(is_ready, 60)
        yield f"http://127.0.0.1:{port}"
    except BaseException:
        print(log_path.read_text())
        raise
    finally:
        process.kill()
        process.wait()
        containers = re.findall(r"SAM_CONTAINER_ID: (\w+)", log_path.read_text())
        if containers:
            run_docker("rm", "--force", *containers)


@pytest.mark.timeout(1800)
def test_endpoints_in_containers_work_on_this_stack(image_options: list[str]) -> None:
    subprocess.run(["make", "build-local"], cwd=CHECKOUT, check=True)
    with temporary_folder() as folder:
        root = link_checkout(folder)
        for name in (".aws-sam", ".venv"):
            (root / name).symlink_to(CHECKOUT / name)
        with RunnerProcess.with_simulated_providers(root, command="sam-local", SERVICES_API_KEY=API_KEY) as runner:
            runner.wait_for_line(LAST_LINE)
            with (
                sam_start_api(root, image_options) as url,
                services_client(url) as api,
                services_client(runner.url) as local_api,
            ):
                api.timeout = httpx.Timeout(240)
                assert api.get("/healthz").json() == {"ok": True}
                assert api.get("/dashboard/instances", headers={"Authorization": "Bearer wrong"}).status_code == 401
                assert api.get("/dashboard/instances").status_code == 200
                body = create_request(unique_id("sam-"), ["openrouter", "agentmail"])
                created = api.post("/create-instance", json=body)
                assert created.status_code == 200, created.text
                assert set(created.json()["services"]) == {"openrouter", "agentmail"}
                instances = local_api.get("/dashboard/instances").json()
                assert body["instanceId"] in json.dumps(instances)
