"""A call whose response was lost is found and adopted, though listings lag: nothing is created twice or lost."""

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.database import Database
from tests.harness.instances import assert_nothing_is_left, create_instance, create_request, new_instance_id

CALLS = [
    pytest.param("openrouter", "keys.create", {"openrouter": {"list_lag_s": 1}}, id="openrouter"),
    pytest.param("agentmail", "inboxes.create", {}, id="agentmail"),
    pytest.param("telnyx", "orders.create", {"telnyx": {"number_lag_s": 1}}, id="telnyx"),
    pytest.param("railway", "serviceCreate", {"railway": {"service_lag_s": 1}}, id="service"),
    pytest.param("railway", "volumeCreate", {"railway": {"volume_lag_s": 1}}, id="volume"),
    pytest.param("railway", "serviceDomainCreate", {}, id="domain"),
    pytest.param("railway", "environmentPatchCommit", {}, id="deploy"),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lost", "server_error_done"])
@pytest.mark.parametrize(("provider", "operation", "lag"), CALLS)
def test_lost_answer_is_adopted_not_repeated(
    api: httpx.Client, simulator: SimulatorClient, db: Database, provider, operation, lag, kind
) -> None:
    simulator.update_config(lag)
    simulator.inject_fault(provider, operation, kind, times=1)
    body = create_request(new_instance_id())
    response = create_instance(api, body)
    assert response.status_code == 200, response.text
    assert "warnings" not in response.json()
    kinds = sorted(leftover.kind for leftover in simulator.list_leftovers())
    assert kinds == ["inbox", "key", "number", "order", "service", "volume"]
    railway = simulator.get_state()["railway"]
    assert len([domain for domain in railway["domains"].values() if not domain["deleted_at"]]) == 1
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])
