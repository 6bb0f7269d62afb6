"""The shortest way to call each provider in a test."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from local.simulator.client import SimulatorClient

PROJECT, ENVIRONMENT, STAGING = "sim-project", "sim-environment", "sim-staging"
PROFILE = "5a1e0000-0000-4000-8000-00000000000a"


class Api:
    """Calls to all four providers and the model with good credentials; anything else goes through `http`."""

    def __init__(self, sim: SimulatorClient) -> None:
        self.sim = sim
        headers = {"Authorization": "Bearer good"}
        self.http = httpx.Client(headers=headers, timeout=5, trust_env=False)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def graphql(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        body = {"query": query, "variables": variables or {}}
        return self.http.post(self.sim.bases.railway, json=body, **options)

    def railway(self, query: str, **variables: Any) -> Any:
        """The data of a call that must succeed."""
        answer = self.graphql(query, variables)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert "errors" not in body, body
        return body["data"]

    def railway_error(self, query: str, **variables: Any) -> str:
        """The message of a call that must fail the way business errors do."""
        answer = self.graphql(query, variables)
        assert answer.status_code == 200, answer.text
        error = answer.json()["errors"][0]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        return str(error["message"])

    def openrouter(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.sim.bases.openrouter + path, **options)

    def agentmail(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.sim.bases.agentmail + path, **options)

    def telnyx(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.sim.bases.telnyx + path, **options)

    def model(self, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(f"{self.sim.bases.model}/responses", json=body)

    def service(self, name: str = "agent-1") -> str:
        made = self.railway(SERVICE_CREATE, i={"projectId": PROJECT, "name": name})
        return str(made["serviceCreate"]["id"])

    def deploy(self, service_id: str, **part: Any) -> None:
        change = {"services": {service_id: {"source": {"image": "ghcr.io/o/i@sha256:1"}, **part}}}
        self.railway(PATCH_COMMIT, e=ENVIRONMENT, p=change)

    def number(self, **order: Any) -> str:
        """An E.164 that has been ordered and can be seen."""
        found = self.telnyx("GET", "/available_phone_numbers?filter[limit]=1").json()["data"][0]["phone_number"]
        answer = self.telnyx("POST", "/number_orders", json={"phone_numbers": [{"phone_number": found}], **order})
        assert answer.status_code == 200, answer.text
        eventually(lambda: self.telnyx("GET", f"/phone_numbers/%2B{found[1:]}").status_code == 200)
        return str(found)


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)


SERVICE_CREATE = "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id name } }"
SERVICE_DELETE = "mutation($id: String!) { serviceDelete(id: $id) }"
PATCH_COMMIT = "mutation($e: String!, $p: EnvironmentConfig) { environmentPatchCommit(environmentId: $e, patch: $p) }"
VOLUME_CREATE = "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id name } }"
VOLUME_DELETE = "mutation($id: String!) { volumeDelete(volumeId: $id) }"
DOMAIN_CREATE = "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id domain syncStatus } }"
SERVICES = """query($id: String!, $n: Int, $a: String) { project(id: $id) { services(first: $n, after: $a) {
  edges { cursor node { id name createdAt } } pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }"""
VOLUMES = """query($e: String!) { environment(id: $e) { volumeInstances(first: 500) { edges { node {
  id serviceId mountPath state isPendingDeletion deletedAt volume { id name } } } } } }"""
INSTANCE = """query($s: String!, $e: String!) { serviceInstance(serviceId: $s, environmentId: $e) {
  serviceName source { image } startCommand latestDeployment { id status } activeDeployments { id }
  domains { serviceDomains { id domain } customDomains { id } } } }"""
