"""Requests to the simulated providers from outside the product, by another client or a person at a dashboard."""

from typing import Any

import httpx

from local.simulator.client import SimulatorClient

from .wait import wait_until

PROJECT, ENVIRONMENT, STAGING = "sim-project", "sim-environment", "sim-staging"
PROFILE = "5a1e0000-0000-4000-8000-00000000000a"


class ProviderClient:
    """Calls all four providers and the model with credentials that they accept; anything else goes through `http`."""

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator
        headers = {"Authorization": "Bearer good"}
        self.http = httpx.Client(headers=headers, timeout=5, trust_env=False, verify=False)

    def __enter__(self) -> "ProviderClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post_graphql(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        body = {"query": query, "variables": variables or {}}
        return self.http.post(self.simulator.base_urls.railway, json=body, **options)

    def query_railway(self, query: str, **variables: Any) -> Any:
        """Return the data of a GraphQL request that must succeed."""
        response = self.post_graphql(query, variables)
        assert response.status_code == 200, response.text
        body = response.json()
        assert "errors" not in body, body
        return body["data"]

    def query_railway_error(self, query: str, **variables: Any) -> str:
        """Return the message of a GraphQL request that must fail as business errors do."""
        response = self.post_graphql(query, variables)
        assert response.status_code == 200, response.text
        error = response.json()["errors"][0]
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

    def create_key(self, name: str, **options: Any) -> dict[str, Any]:
        """Create an OpenRouter key; returns the response's body, which has the secret in `key`."""
        response = self.request_openrouter("POST", "/keys", json={"name": name, **options})
        assert response.status_code == 201, response.text
        return response.json()

    def deploy_service(self, service_id: str, **settings: Any) -> None:
        change = {"services": {service_id: {"source": {"image": "ghcr.io/o/i@sha256:1"}, **settings}}}
        self.query_railway(PATCH_COMMIT, e=ENVIRONMENT, p=change)

    def buy_number(self, **order: Any) -> str:
        """Order a number and wait until it is listed; returns it in E.164."""
        phone_number = self.request_telnyx("GET", "/available_phone_numbers?filter[limit]=1").json()["data"][0][
            "phone_number"
        ]
        response = self.request_telnyx(
            "POST", "/number_orders", json={"phone_numbers": [{"phone_number": phone_number}], **order}
        )
        assert response.status_code == 200, response.text
        wait_until(lambda: self.request_telnyx("GET", f"/phone_numbers/%2B{phone_number[1:]}").status_code == 200)
        return str(phone_number)


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
