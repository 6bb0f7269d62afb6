"""The control API, the state file and the program itself."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.simulator.server import SimulatorError, SimulatorServer
from tests.harness.provider_api import PROJECT, SERVICE_CREATE, SERVICES, ProviderClient
from tests.harness.wait import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_health_is_reported(sim: SimulatorClient) -> None:
    assert sim.is_healthy()
    with SimulatorClient("http://127.0.0.1:9") as nobody:
        assert not nobody.is_healthy()


def test_config_is_changed_in_part_and_unknown_keys_are_refused(sim: SimulatorClient) -> None:
    railway: Any = sim.update_config({"railway": {"page_max": 7}})["railway"]
    assert (railway["page_max"], railway["page_default"]) == (7, 100)
    for change in ({"railway": {"nope": 1}}, {"railway": {"overlong_names": "maybe"}}, {"nope": 1}):
        with pytest.raises(httpx.HTTPStatusError):
            sim.update_config(change)


def test_reset_takes_everything_back_and_may_configure(api: ProviderClient, sim: SimulatorClient) -> None:
    api.create_service()
    sim.inject_fault("*", "*", "drop", times=None)
    sim.update_config({"railway": {"page_max": 7}})
    sim.reset({"railway": {"page_default": 3}})
    railway: Any = sim.update_config()["railway"]
    assert (railway["page_max"], railway["page_default"]) == (500, 3)
    assert (sim.list_leftovers(), sim.list_calls(), sim.list_faults()) == ([], [], [])


def test_state_shows_deleted_things_and_secrets(api: ProviderClient, sim: SimulatorClient) -> None:
    made = api.request_openrouter("POST", "/keys", json={"name": "k"}).json()
    key = made["data"]["hash"]
    api.request_openrouter("DELETE", f"/keys/{key}")
    keys: Any = sim.get_state()["openrouter"]
    assert keys["keys"][key]["deleted_at"] is not None
    assert keys["keys"][key]["secret"] == made["key"]
    assert set(sim.get_state()) == {"railway", "openrouter", "agentmail", "telnyx"}


def test_leftovers_name_everything_that_costs(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.seed_services(1)
    api.request_openrouter("POST", "/keys", json={"name": "k"})
    api.request_agentmail("POST", "/inboxes", json={"username": "a", "client_id": "c"})
    api.buy_number(customer_reference="r")
    found = {(left.provider, left.kind): left.name for left in sim.list_leftovers()}
    assert found == {
        ("railway", "service"): "convos-agent-00001",
        ("railway", "volume"): "convos-agent-00001-volume",
        ("openrouter", "key"): "k",
        ("agentmail", "inbox"): "c",
        ("telnyx", "number"): "+19705550098",
        ("telnyx", "order"): "r",
    }


def test_calls_are_logged_without_secrets(api: ProviderClient, sim: SimulatorClient) -> None:
    api.request_openrouter("POST", "/keys", json={"name": "k", "external": {"api_key": "hush"}})
    api.request_openrouter("GET", "/keys?include_disabled=true")
    first, second = sim.list_calls()
    assert (first.sequence, first.operation, first.status, first.committed) == (1, "keys.create", 403, False)
    assert first.body == {"name": "k", "external": {"api_key": "***"}}
    assert (second.operation, second.status, second.committed) == ("keys.list", 200, True)
    assert second.path.endswith("include_disabled=true")
    assert "authorization" in first.header_names
    assert "good" not in str(first)
    assert [entry.sequence for entry in sim.list_calls(since=1)] == [2]


def test_railway_calls_are_logged_by_their_root_field(api: ProviderClient, sim: SimulatorClient) -> None:
    api.create_service()
    entry = sim.list_calls()[0]
    assert (entry.provider, entry.operation, entry.committed) == ("railway", "serviceCreate", True)
    api.post_graphql(SERVICE_CREATE, {"i": {"projectId": PROJECT, "name": "agent-1"}})
    assert (sim.list_calls()[1].status, sim.list_calls()[1].committed) == (200, False)


def test_state_file_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with SimulatorServer(state_file=file) as first, SimulatorClient(first.origin) as sim, ProviderClient(sim) as api:
        service = api.create_service()
        sim.seed_services(2)
        key = api.request_openrouter("POST", "/keys", json={"name": "k"}).json()["data"]["hash"]
        before = sim.get_state()
    with SimulatorServer(state_file=file) as second, SimulatorClient(second.origin) as sim, ProviderClient(sim) as api:
        assert sim.get_state() == before
        assert api.request_openrouter("GET", f"/keys/{key}").status_code == 200
        edges = api.query_railway(SERVICES, id=PROJECT)["project"]["services"]["edges"]
        assert service in [edge["node"]["id"] for edge in edges]
    assert list(tmp_path.iterdir()) == [file]


def test_state_file_holds_many_changes_at_once_soon_after_them(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with SimulatorServer(state_file=file) as server, SimulatorClient(server.origin) as sim, ProviderClient(sim) as api:
        services = [api.create_service(f"many-{number}") for number in range(20)]
        wait_until(lambda: all(service in file.read_text() for service in services), 5)


def test_state_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("[]")
    with pytest.raises(SimulatorError, match="holds no state"):
        SimulatorServer(state_file=file)


def test_only_loopback_addresses_are_served() -> None:
    with pytest.raises(SimulatorError, match="loopback"):
        SimulatorServer(host="0.0.0.0")


def _start_program(*options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local.simulator", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_says_when_it_is_ready_and_stops_cleanly(number: signal.Signals) -> None:
    with _start_program("--port", "0", "--latency-ms", "5") as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("simulator ready on http://127.0.0.1:")
        with SimulatorClient(line.split()[-1]) as sim:
            assert sim.update_config()["latency_ms"] == 5
        program.send_signal(number)
        out, err = program.communicate(timeout=10)
    assert (program.returncode, out, err) == (0, "", "")


def test_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _start_program("--port", str(port)) as program:
            out, err = program.communicate(timeout=20)
    assert (program.returncode, out) == (1, "")
    assert err.startswith(f"simulator: cannot listen on 127.0.0.1:{port}: ")
    assert err.count("\n") == 1
