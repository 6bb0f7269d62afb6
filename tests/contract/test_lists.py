"""Lists of instances, operations and prompts: filters, and pages without gaps and repeats while rows come and go."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.list_cursor import ListCursor, format_cursor, parse_cursor
from tests.harness.agent_api import expect_error
from tests.harness.clients import agent_client, open_client
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, insert_instance, insert_leaked_create
from tests.harness.stack import API_KEY
from tests.prompts.prompt_stream import destroy_turn, run_prompt, start_prompt, text_turn


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> None:
    reset_fleet_tables(db)


def read_pages(api: httpx.Client, path: str, name: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of each page of a list."""
    cursor = ""
    while True:
        response = api.get(path, params={**params, **({"cursor": cursor} if cursor else {})})
        assert response.status_code == 200, response.text
        page = response.json()
        yield page[name]
        if not (cursor := page.get("nextCursor", "")):
            return


def list_ids(api: httpx.Client, path: str, name: str, id_field: str, **params: Any) -> list[str]:
    return [item[id_field] for page in read_pages(api, path, name, **params) for item in page]


def list_instances(api: httpx.Client, **params: Any) -> list[str]:
    return list_ids(api, "/instances", "instances", "instanceId", **params)


def list_operations(api: httpx.Client, **params: Any) -> list[str]:
    return list_ids(api, "/operations", "operations", "operationId", **params)


@pytest.mark.limit("list-page")
def test_a_page_has_as_many_as_were_asked_for_at_most(api: httpx.Client, db: Database) -> None:
    for _ in range(201):
        insert_instance(db)
    assert [len(page) for page in read_pages(api, "/instances", "instances", limit=200)] == [200, 1]
    assert api.get("/instances", params={"limit": "201"}).status_code == 400


def test_totals_are_of_the_whole_fleet_whatever_the_page_shows(api: httpx.Client, db: Database) -> None:
    ids = [insert_instance(db) for _ in range(6)]
    db.execute("UPDATE instance_infra SET deploy_status = 'SUCCESS' WHERE instance_id = ANY(%s)", (ids[:3],))
    db.execute("UPDATE instance_infra SET deploy_status = '' WHERE instance_id = %s", (ids[3],))
    page = api.get("/instances", params={"totals": "true", "status": "SUCCESS", "limit": "1"}).json()
    assert sorted((total["status"], total["count"]) for total in page["totals"]) == [("SUCCESS", 3), ("UNKNOWN", 3)]
    assert len(page["instances"]) == 1
    for totals in ({}, {"totals": "false"}):
        assert "totals" not in api.get("/instances", params=totals).json()
    assert api.get("/instances", params={"totals": "yes"}).json()["error"] == "totals must be one of true, false"


def test_pages_of_instances_show_each_once_although_instances_come_and_go(api: httpx.Client, db: Database) -> None:
    ids = [insert_instance(db) for _ in range(7)]
    db.execute(
        "UPDATE instance_infra SET created_at = now() - interval '1 hour' WHERE instance_id = ANY(%s)", (ids[:3],)
    )
    seen: list[str] = []
    for number, page in enumerate(read_pages(api, "/instances", "instances", limit=2)):
        seen += [instance["instanceId"] for instance in page]
        if number == 1:
            insert_instance(db)
            db.execute("DELETE FROM instance_infra WHERE instance_id = ANY(%s)", (seen,))
    assert sorted(seen) == sorted(ids)
    assert set(seen[4:]) == set(ids[:3])


@pytest.mark.parametrize("sort", ["created_desc", "created_asc", "id_asc", "id_desc"])
def test_instances_are_sorted_by_the_server_and_pages_stay_stable(api: httpx.Client, db: Database, sort: str) -> None:
    ids = ["B-2", "a-1", "a-10", "a-9", "b-1", "ä-1", "z"]
    for number, instance_id in enumerate(ids):
        row_id = insert_instance(db)
        # Pairs were created at the same moment, so that a page ends between them.
        db.execute(
            "UPDATE instance_infra SET instance_id = %s, created_at = now() - make_interval(hours => %s)"
            " WHERE instance_id = %s",
            (instance_id, 10 - number // 2, row_id),
        )
    seen: list[str] = []
    for number, page in enumerate(read_pages(api, "/instances", "instances", limit=1, sort=sort)):
        seen += [instance["instanceId"] for instance in page]
        if number == 2:
            db.execute("DELETE FROM instance_infra WHERE instance_id = ANY(%s)", (seen[:2],))
    ascending = sorted(ids) if sort.startswith("id") else ids
    assert seen == (ascending if sort.endswith("_asc") else ascending[::-1])
    assert set(list_instances(api, search="a-", sort=sort)) <= {"a-1", "a-10", "a-9"}
    assert list_instances(api, search="a-1", sort="id_desc") in (["a-10", "a-1"], ["a-10"], ["a-1"])


def test_sorted_instances_are_filtered_as_others_are(api: httpx.Client, db: Database) -> None:
    ids = sorted(insert_instance(db) for _ in range(5))
    db.execute("UPDATE instance_infra SET deploy_status = 'CRASHED' WHERE instance_id = ANY(%s)", (ids[1:4],))
    assert list_instances(api, status="CRASHED", sort="id_desc", limit=2) == ids[3:0:-1]
    assert list_instances(api, status="UNKNOWN", sort="id_asc", limit=1) == [ids[0], ids[4]]


def test_instances_are_found_by_status_tool_and_the_beginning_of_their_id(api: httpx.Client, db: Database) -> None:
    plain, failed, odd = (insert_instance(db) for _ in range(3))
    created = create_request(unique_id("found_"), ["openrouter"])
    assert create_instance(api, created).status_code == 200
    db.execute("UPDATE instance_infra SET deploy_status = 'FAILED' WHERE instance_id = %s", (failed,))
    db.execute("UPDATE instance_infra SET instance_id = %s WHERE instance_id = %s", ("a%b_c\\d", odd))
    assert list_instances(api, status="FAILED") == [failed]
    assert {plain, "a%b_c\\d"} <= set(list_instances(api, status="UNKNOWN", limit=1))
    assert list_instances(api, tool="openrouter") == [created["instanceId"]]
    assert list_instances(api, tool="telnyx") == []
    assert list_instances(api, search="found_") == [created["instanceId"]]
    assert list_instances(api, search=created["name"]) == [created["instanceId"]]
    assert (list_instances(api, search="a%b_"), list_instances(api, search="a_")) == (["a%b_c\\d"], [])
    assert list_instances(api, search="found_", tool="telnyx") == []
    assert list_instances(api, search="convos-agent-") == list_instances(api)


def test_an_instance_is_shown_with_its_tools_and_operations_and_no_values(api: httpx.Client, db: Database) -> None:
    body = create_request(unique_id("t"), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    db.execute("UPDATE instance_services SET env_value = 'planted-value'")
    response = api.get(f"/instances/{body['instanceId']}")
    shown = response.json()
    assert [tool["toolId"] for tool in shown["tools"]] == ["openrouter"]
    [operation] = shown["operations"]
    assert (operation["kind"], operation["status"], operation["askedBy"]) == (
        "create", "succeeded", {"kind": "key", "id": "services"},
    )  # fmt: skip
    assert "planted-value" not in response.text
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    gone = api.get(f"/instances/{body['instanceId']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
    assert len(list_operations(api, instanceId=body["instanceId"])) == 2


def test_operations_are_found_by_status_kind_and_instance(api: httpx.Client, db: Database) -> None:
    body, leaked = insert_leaked_create(api, db, ["openrouter"])
    other = create_request(unique_id("t"), [])
    assert create_instance(api, other).status_code == 200
    assert api.delete(f"/destroy/{other['instanceId']}").status_code == 200
    assert leaked in list_operations(api, status="leaked")
    assert leaked not in list_operations(api, status="succeeded")
    destroy, create = list_operations(api, instanceId=other["instanceId"], limit=1)
    assert list_operations(api, kind="destroy")[0] == destroy
    assert list_operations(api)[:3] == [destroy, create, leaked]
    [[shown]] = read_pages(api, "/operations", "operations", instanceId=body["instanceId"])
    assert shown["error"] == {"message": "no", "code": "OPERATION_FAILED"}
    assert "result" not in shown


@pytest.mark.parametrize(("params", "says"), [
    ({"limit": "0"}, "limit"), ({"limit": "201"}, "limit"), ({"limit": "x"}, "limit"), ({"cursor": "x"}, "cursor"),
    ({"cursor": "1.000000_AA"}, "cursor"), ({"cursor": "1.000000_gA"}, "cursor"),
])  # fmt: skip
@pytest.mark.parametrize("path", ["/instances", "/operations", "/audit", "/orphans"])
def test_what_is_wrong_with_a_page_is_named(api: httpx.Client, path: str, params: dict[str, str], says: str) -> None:
    response = api.get(path, params=params)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{says} must be ")


@pytest.mark.parametrize(
    "path", ["/instances", "/operations", "/audit", "/dashboard/instances", "/orphans", "/fleet/history"]
)
def test_a_misspelt_parameter_is_named_and_does_not_list_everything(api: httpx.Client, path: str) -> None:
    response = api.get(path, params={"limitt": "1"})
    assert response.status_code == 400
    assert response.json()["error"].startswith("There is no parameter 'limitt'; there are ")


@pytest.mark.parametrize(("path", "params"), [
    ("/instances", {"tool": "bankr"}), ("/instances", {"sort": "spend"}), ("/orphans", {"decision": "x"}),
    ("/orphans", {"provider": "aws"}), ("/instances", {"status": "a\x00"}), ("/instances", {"search": "x" * 257}),
    ("/operations", {"status": "waiting"}), ("/operations", {"kind": "x"}), ("/operations", {"instanceId": "\x7f"}),
])  # fmt: skip
def test_a_wrong_filter_is_named(api: httpx.Client, path: str, params: dict[str, str]) -> None:
    response = api.get(path, params=params)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{next(iter(params))} must be ")


def test_prompts_of_a_user_are_found_again(stack: Stack, agent: httpx.Client, simulator: SimulatorClient) -> None:
    with agent_client(stack.url, unique_id("ada-")) as ada:
        waiting = start_prompt(ada, simulator, destroy_turn())
        waiting.read_until_event("prompt.approval")
        waiting.close()
        done = [run_prompt(ada, simulator, text_turn("Hello."))[0].data["promptId"] for _ in range(3)]
        conversation = ada.post("/tools/conversation.create/invoke", json={}).json()["result"]["id"]
        joined = run_prompt(ada, simulator, text_turn("Hello."), conversationId=conversation)[0].data["promptId"]
        everything = [joined, *reversed(done), waiting.prompt_id]
        assert list_ids(ada, "/prompts", "prompts", "id", limit=2) == everything
        assert list_ids(ada, "/prompts", "prompts", "id", status="waiting") == [waiting.prompt_id]
        assert list_ids(ada, "/prompts", "prompts", "id", conversationId=conversation) == [joined]
        [[listed]] = read_pages(ada, "/prompts", "prompts", conversationId=conversation)
        assert (listed["status"], listed["conversationId"], listed["model"]) == ("completed", conversation, "normal")
        assert listed["title"]
    assert waiting.prompt_id not in list_ids(agent, "/prompts", "prompts", "id", limit=100)


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"status": "x"}, {"q": "x"},
                                    {"conversationId": ""}, {"cursor": "1.000000_AA"}])  # fmt: skip
def test_what_is_wrong_with_a_page_of_prompts_is_422(agent: httpx.Client, params: dict[str, str]) -> None:
    error = expect_error(agent.get("/prompts", params=params), 422, "VALIDATION_ERROR")
    assert error["details"][0]["path"] == [next(iter(params))]


@pytest.mark.parametrize("last_id", ["agent-7", "ü/&?=", "x" * 256, "%_"])
def test_a_cursor_reads_back_what_was_written(last_id: str) -> None:
    cursor = ListCursor(datetime(2026, 11, 22, 10, 15, 4, 210001, UTC), last_id)
    assert parse_cursor(format_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "path",
    [
        "/instances",
        "/instances?sort=id_asc",
        "/operations",
        "/audit",
        "/dashboard/instances",
        "/orphans",
        "/api/prompts",
        "/api/approvals",
    ],
)
@pytest.mark.parametrize("cursor", ["99999999999.999999_00", "0.000000_ff", "5.000000_" + "e2" * 1024])
def test_every_text_that_the_document_allows_is_a_place_in_a_list(stack: Stack, path: str, cursor: str) -> None:
    headers = {"X-User-Id": "ada"} if path.startswith("/api") else {"Authorization": f"Bearer {API_KEY}"}
    with open_client(stack.url, headers) as client:
        response = client.get(path, params={"cursor": cursor})
        assert response.status_code == 200, response.text
