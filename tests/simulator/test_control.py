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
from local.simulator.server import Simulator, SimulatorError
from tests.simulator.api import PROJECT, SERVICE_CREATE, SERVICES, Api

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_health_is_told(sim: SimulatorClient) -> None:
    assert sim.healthy()
    with SimulatorClient("http://127.0.0.1:9") as nobody:
        assert not nobody.healthy()


def test_config_is_changed_in_part_and_unknown_keys_are_refused(sim: SimulatorClient) -> None:
    railway: Any = sim.config({"railway": {"page_max": 7}})["railway"]
    assert (railway["page_max"], railway["page_default"]) == (7, 100)
    for change in ({"railway": {"nope": 1}}, {"railway": {"overlong_names": "maybe"}}, {"nope": 1}):
        with pytest.raises(httpx.HTTPStatusError):
            sim.config(change)


def test_reset_takes_everything_back_and_may_configure(api: Api, sim: SimulatorClient) -> None:
    api.service()
    sim.fault("*", "*", "drop", times=None)
    sim.config({"railway": {"page_max": 7}})
    sim.reset({"railway": {"page_default": 3}})
    railway: Any = sim.config()["railway"]
    assert (railway["page_max"], railway["page_default"]) == (500, 3)
    assert (sim.leftovers(), sim.calls(), sim.faults()) == ([], [], [])


def test_state_shows_deleted_things_and_secrets(api: Api, sim: SimulatorClient) -> None:
    made = api.openrouter("POST", "/keys", json={"name": "k"}).json()
    key = made["data"]["hash"]
    api.openrouter("DELETE", f"/keys/{key}")
    keys: Any = sim.state()["openrouter"]
    assert keys["keys"][key]["deleted_at"] is not None
    assert keys["keys"][key]["secret"] == made["key"]
    assert set(sim.state()) == {"railway", "openrouter", "agentmail", "telnyx"}


def test_leftovers_name_everything_that_costs(api: Api, sim: SimulatorClient) -> None:
    sim.seed_services(1)
    api.openrouter("POST", "/keys", json={"name": "k"})
    api.agentmail("POST", "/inboxes", json={"username": "a", "client_id": "c"})
    api.number(customer_reference="r")
    found = {(left.provider, left.kind): left.name for left in sim.leftovers()}
    assert found == {
        ("railway", "service"): "convos-agent-00001",
        ("railway", "volume"): "convos-agent-00001-volume",
        ("openrouter", "key"): "k",
        ("agentmail", "inbox"): "c",
        ("telnyx", "number"): "+19705550098",
        ("telnyx", "order"): "r",
    }


def test_calls_are_logged_without_secrets(api: Api, sim: SimulatorClient) -> None:
    api.openrouter("POST", "/keys", json={"name": "k", "external": {"api_key": "hush"}})
    api.openrouter("GET", "/keys?include_disabled=true")
    first, second = sim.calls()
    assert (first.sequence, first.operation, first.status, first.committed) == (1, "keys.create", 403, False)
    assert first.body == {"name": "k", "external": {"api_key": "***"}}
    assert (second.operation, second.status, second.committed) == ("keys.list", 200, True)
    assert second.path.endswith("include_disabled=true")
    assert "authorization" in first.header_names
    assert "good" not in str(first)
    assert [entry.sequence for entry in sim.calls(since=1)] == [2]


def test_railway_calls_are_logged_by_their_root_field(api: Api, sim: SimulatorClient) -> None:
    api.service()
    entry = sim.calls()[0]
    assert (entry.provider, entry.operation, entry.committed) == ("railway", "serviceCreate", True)
    api.graphql(SERVICE_CREATE, {"i": {"projectId": PROJECT, "name": "agent-1"}})
    assert (sim.calls()[1].status, sim.calls()[1].committed) == (200, False)


def test_state_file_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Simulator(state_file=file) as first, SimulatorClient(first.origin) as sim, Api(sim) as api:
        service = api.service()
        sim.seed_services(2)
        key = api.openrouter("POST", "/keys", json={"name": "k"}).json()["data"]["hash"]
        before = sim.state()
    with Simulator(state_file=file) as second, SimulatorClient(second.origin) as sim, Api(sim) as api:
        assert sim.state() == before
        assert api.openrouter("GET", f"/keys/{key}").status_code == 200
        edges = api.railway(SERVICES, id=PROJECT)["project"]["services"]["edges"]
        assert service in [edge["node"]["id"] for edge in edges]
    assert list(tmp_path.iterdir()) == [file]


def test_state_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("[]")
    with pytest.raises(SimulatorError, match="holds no state"):
        Simulator(state_file=file)


def test_only_loopback_addresses_are_served() -> None:
    with pytest.raises(SimulatorError, match="loopback"):
        Simulator(host="0.0.0.0")


def _program(*options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local.simulator", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_says_when_it_is_ready_and_stops_cleanly(number: signal.Signals) -> None:
    with _program("--port", "0", "--latency-ms", "5") as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("simulator ready on http://127.0.0.1:")
        with SimulatorClient(line.split()[-1]) as sim:
            assert sim.config()["latency_ms"] == 5
        program.send_signal(number)
        out, err = program.communicate(timeout=10)
    assert (program.returncode, out, err) == (0, "", "")


def test_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _program("--port", str(port)) as program:
            out, err = program.communicate(timeout=20)
    assert (program.returncode, out) == (1, "")
    assert err.startswith(f"simulator: cannot listen on 127.0.0.1:{port}: ")
    assert err.count("\n") == 1
