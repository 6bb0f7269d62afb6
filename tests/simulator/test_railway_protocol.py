"""Railway: transport, credentials, validation, pages, limits."""

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.simulator.railway.schema import list_unresolved_fields
from tests.harness.provider_api import ENVIRONMENT, PROJECT, SERVICES, STAGING, ProviderClient

NAME = 'query { project(id: "sim-project") { name } }'


def _get_error(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["extensions"]["code"], error["message"]


def _query_with_headers(api: ProviderClient, headers: dict[str, str], query: str = NAME) -> httpx.Response:
    return httpx.post(api.simulator.base_urls.railway, json={"query": query}, headers=headers)


def test_every_root_field_has_a_resolver() -> None:
    assert list_unresolved_fields() == []


def test_account_token_reads_the_seeded_project(api: ProviderClient) -> None:
    found = api.query_railway('query { environments(projectId: "sim-project") { edges { node { id name } } } }')
    nodes = [edge["node"] for edge in found["environments"]["edges"]]
    assert nodes == [{"id": ENVIRONMENT, "name": "production"}, {"id": STAGING, "name": "staging"}]


def test_bad_token_is_not_authorized_on_http_200(api: ProviderClient) -> None:
    answer = _query_with_headers(api, {"Authorization": "Bearer bad-token"})
    assert _get_error(answer) == (200, "INTERNAL_SERVER_ERROR", "Not Authorized")
    assert answer.json()["data"] is None


def test_no_token_is_not_authorized(api: ProviderClient) -> None:
    assert _get_error(_query_with_headers(api, {}))[2] == "Not Authorized"


def test_blank_bearer_is_unauthenticated(api: ProviderClient) -> None:
    assert _get_error(_query_with_headers(api, {"Authorization": "Bearer"}))[:2] == (200, "UNAUTHENTICATED")


def test_two_kinds_of_token_at_once_are_refused(api: ProviderClient) -> None:
    answer = _query_with_headers(api, {"Authorization": "Bearer good", "Project-Access-Token": "sim-project-token"})
    assert _get_error(answer)[0] == 400


def test_project_token_is_bound_to_its_environment(api: ProviderClient) -> None:
    headers = {"Project-Access-Token": "sim-project-token"}
    found = _query_with_headers(api, headers, "query { projectToken { projectId environmentId } }").json()
    assert found["data"]["projectToken"] == {"projectId": PROJECT, "environmentId": ENVIRONMENT}
    other = _query_with_headers(api, headers, f'query {{ environment(id: "{STAGING}") {{ id }} }}')
    assert _get_error(other)[2] == "Not Authorized"


def test_project_token_is_no_bearer_token(api: ProviderClient) -> None:
    assert _get_error(_query_with_headers(api, {"Authorization": "Bearer sim-project-token"}))[2] == "Not Authorized"


def test_bad_project_token_says_so(api: ProviderClient) -> None:
    assert _get_error(_query_with_headers(api, {"Project-Access-Token": "bad-token"}))[2] == "Project Token not found"


def test_me_is_for_account_tokens_only(api: ProviderClient) -> None:
    assert api.query_railway("query { me { id } }")["me"]["id"]
    answer = _query_with_headers(api, {"Project-Access-Token": "sim-project-token"}, "query { me { id } }")
    assert _get_error(answer)[2] == "Not Authorized"


def test_created_project_token_works_and_is_shown_once(api: ProviderClient) -> None:
    made = api.query_railway(
        "mutation($i: ProjectTokenCreateInput!) { projectTokenCreate(input: $i) }",
        i={"projectId": PROJECT, "environmentId": STAGING, "name": "ci"},
    )["projectTokenCreate"]
    found = _query_with_headers(api, {"Project-Access-Token": made}, "query { projectToken { environmentId } }").json()
    assert found["data"]["projectToken"]["environmentId"] == STAGING


def test_syntax_error_is_a_400(api: ProviderClient) -> None:
    assert _get_error(api.post_graphql("query {"))[:2] == (400, "GRAPHQL_PARSE_FAILED")


@pytest.mark.parametrize(
    "query",
    [
        'query { project(id: "p") { nope } }',
        'query { project(id: "p", name: "x") { id } }',
        'mutation { deploymentRedeploy(id: "d") }',
        'mutation { deploymentRedeploy(id: "d", environmentId: "e") { id } }',
        'mutation { serviceDelete(id: "d") { id } }',
        "mutation { webhookCreate(input: {}) { id } }",
        'mutation { volumeCreate(input: {projectId: "p"}) { id } }',
        "query($id: Int!) { service(id: $id) { id } }",
    ],
)
def test_what_the_schema_does_not_have_is_a_400(api: ProviderClient, query: str) -> None:
    assert _get_error(api.post_graphql(query))[:2] == (400, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize(
    "given",
    [{"projectId": PROJECT, "nmae": "x"}, {"name": "x"}, {"projectId": PROJECT, "variables": {"A": 1}}],
)
def test_badly_typed_variables_are_a_400(api: ProviderClient, given: dict[str, object]) -> None:
    answer = api.post_graphql("mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }", {"i": given})
    assert _get_error(answer)[:2] == (400, "BAD_USER_INPUT")
    assert api.simulator.list_leftovers() == []


def test_unknown_part_of_a_patch_is_a_400(api: ProviderClient) -> None:
    answer = api.post_graphql(
        'mutation($p: EnvironmentConfig) { environmentPatchCommit(environmentId: "sim-environment", patch: $p) }',
        {"p": {"services": {"s": {"deploy": {"startComand": "x"}}}}},
    )
    assert _get_error(answer)[:2] == (400, "BAD_USER_INPUT")
    assert "startComand" in answer.text
    inline = 'mutation { environmentPatchCommit(environmentId: "sim-environment", patch: {servces: {}}) }'
    assert _get_error(api.post_graphql(inline))[:2] == (400, "GRAPHQL_VALIDATION_FAILED")


def test_missing_project_is_not_found(api: ProviderClient) -> None:
    query = "query($id: String!) { project(id: $id) { id } }"
    assert api.query_railway_error(query, id="other") == "Project not found"
    api.simulator.update_config({"railway": {"missing_projects": [PROJECT]}})
    assert api.query_railway_error(query, id=PROJECT) == "Project not found"


def test_projects_without_workspace_is_empty_and_no_error(api: ProviderClient) -> None:
    assert api.query_railway("query { projects { edges { node { id } } } }")["projects"]["edges"] == []
    found = api.query_railway('query { projects(workspaceId: "sim-workspace") { edges { node { id } } } }')
    assert len(found["projects"]["edges"]) == 1


def test_projects_are_throttled_on_http_200(api: ProviderClient) -> None:
    create = "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id } }"
    project = api.query_railway(create, i={"name": "one"})["projectCreate"]["id"]
    assert "too quickly" in api.query_railway_error(create, i={"name": "two"})
    assert api.query_railway("mutation($id: String!) { projectDelete(id: $id) }", id=project)["projectDelete"]
    assert api.query_railway_error("query($id: String!) { project(id: $id) { id } }", id=project) == "Project not found"


def _list_all_names(api: ProviderClient, size: int | None) -> tuple[list[str], int]:
    names: list[str] = []
    after, pages = None, 0
    while True:
        page = api.query_railway(SERVICES, id=PROJECT, n=size, a=after)["project"]["services"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        pages += 1
        if not page["pageInfo"]["hasNextPage"]:
            return names, pages
        assert page["pageInfo"]["endCursor"] not in (None, after)
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize(("size", "pages"), [(None, 12), (500, 3), (5000, 3), (700, 3)])
def test_pages_are_capped_and_complete(api: ProviderClient, size: int | None, pages: int) -> None:
    api.simulator.seed_services(1200)
    names, count = _list_all_names(api, size)
    assert (len(set(names)), len(names), count) == (1200, 1200, pages)
    assert names[0] == "convos-agent-00001"


def test_cursor_outlives_the_service_it_names(api: ProviderClient) -> None:
    ids = api.simulator.seed_services(3)
    page = api.query_railway(SERVICES, id=PROJECT, n=1)["project"]["services"]
    api.query_railway("mutation($id: String!) { serviceDelete(id: $id) }", id=ids[0])
    rest = api.query_railway(SERVICES, id=PROJECT, n=5, a=page["pageInfo"]["endCursor"])["project"]["services"]
    assert [edge["node"]["id"] for edge in rest["edges"]] == ids[1:]
    assert not rest["pageInfo"]["hasPreviousPage"]


def test_last_and_before_walk_backwards(api: ProviderClient) -> None:
    ids = api.simulator.seed_services(5)
    query = """query($b: String) { project(id: "sim-project") { services(last: 2, before: $b) {
        edges { cursor node { id } } pageInfo { hasPreviousPage } } } }"""
    page = api.query_railway(query)["project"]["services"]
    assert [edge["node"]["id"] for edge in page["edges"]] == ids[3:]
    earlier = api.query_railway(query, b=page["edges"][0]["cursor"])["project"]["services"]
    assert [edge["node"]["id"] for edge in earlier["edges"]] == ids[1:3]
    assert earlier["pageInfo"]["hasPreviousPage"]


def test_rate_limit_headers_come_always_and_retry_after_with_a_429(api: ProviderClient) -> None:
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-policy"} <= set(
        api.post_graphql(NAME).headers
    )
    api.simulator.update_config({"railway": {"rate_limit": {"requests": 1, "window_s": 60}}})
    answers = [api.post_graphql(NAME) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[1].headers["Retry-After"]) >= 1


def test_query_string_and_operation_name_are_accepted(api: ProviderClient) -> None:
    two = "query One { me { id } } query Two { projectToken { id } }"
    url = api.simulator.base_urls.railway + "?source=test"
    answer = api.http.post(url, json={"query": two, "operationName": "One"})
    assert answer.json()["data"]["me"]["id"]
    assert api.http.post(url, json={"query": two}).status_code == 400


def test_body_that_is_no_json_is_a_400(api: ProviderClient) -> None:
    answer = api.http.post(
        api.simulator.base_urls.railway, content=b"nope", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


def test_variables_of_requests_stay_out_of_the_log(api: ProviderClient, sim: SimulatorClient) -> None:
    upsert = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }"
    api.query_railway(upsert, i={"projectId": PROJECT, "environmentId": ENVIRONMENT, "variables": {"A": "hush-1"}})
    api.post_graphql('mutation { serviceUpdate(id: "hush-2", input: {}) { id } }')
    service = api.create_service()
    api.deploy_service(service, variables={"A": {"value": "hush-3"}})
    assert "hush" not in str([entry.body for entry in sim.list_calls()])
    assert service in str(sim.list_calls()[-1].body)
