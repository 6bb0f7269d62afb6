"""The shortest way to call each provider in a test."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from local.simulator.client import SimulatorClient

PROJECT, ENVIRONMENT, STAGING = "sim-project", "sim-environment", "sim-staging"
PROFILE = "5a1e0000-0000-4000-8000-00000000000a"


class ProviderClient:
    """Calls to all four providers and the model with good credentials; anything else goes through `http`."""

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator
        headers = {"Authorization": "Bearer good"}
        self.http = httpx.Client(headers=headers, timeout=5, trust_env=False)

    def __enter__(self) -> "ProviderClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post_graphql(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        body = {"query": query, "variables": variables or {}}
        return self.http.post(self.simulator.base_urls.railway, json=body, **options)

    def query_railway(self, query: str, **variables: Any) -> Any:
        """The data of a call that must succeed."""
        answer = self.post_graphql(query, variables)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert "errors" not in body, body
        return body["data"]

    def query_railway_error(self, query: str, **variables: Any) -> str:
        """The message of a call that must fail the way business errors do."""
        answer = self.post_graphql(query, variables)
        assert answer.status_code == 200, answer.text
        error = answer.json()["errors"][0]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        return str(error["message"])

    def request_openrouter(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.simulator.base_urls.openrouter + path, **options)

    def request_agentmail(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.simulator.base_urls.agentmail + path, **options)

    def request_telnyx(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, self.simulator.base_urls.telnyx + path, **options)

    def create_model_response(self, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(f"{self.simulator.base_urls.model}/responses", json=body)

    def create_service(self, name: str = "agent-1") -> str:
        data = self.query_railway(SERVICE_CREATE, i={"projectId": PROJECT, "name": name})
        return str(data["serviceCreate"]["id"])

    def deploy_service(self, service_id: str, **settings: Any) -> None:
        change = {"services": {service_id: {"source": {"image": "ghcr.io/o/i@sha256:1"}, **settings}}}
        self.query_railway(PATCH_COMMIT, e=ENVIRONMENT, p=change)

    def buy_number(self, **order: Any) -> str:
        """An E.164 that has been ordered and can be seen."""
        phone_number = self.request_telnyx("GET", "/available_phone_numbers?filter[limit]=1").json()["data"][0][
            "phone_number"
        ]
        answer = self.request_telnyx(
            "POST", "/number_orders", json={"phone_numbers": [{"phone_number": phone_number}], **order}
        )
        assert answer.status_code == 200, answer.text
        wait_until(lambda: self.request_telnyx("GET", f"/phone_numbers/%2B{phone_number[1:]}").status_code == 200)
        return str(phone_number)


def wait_until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
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
