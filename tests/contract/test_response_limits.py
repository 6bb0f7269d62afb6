"""No response exceeds what Lambda takes: whatever is stored or sent, it is paged, cut, or an error that says so."""

import json
import time
from typing import Any

import httpx
import pytest
from psycopg.types.json import Json, Jsonb

from local.simulator.client import SimulatorClient
from pointsman.lifecycle.input_rules import MAX_INSTANCE_IDS
from pointsman.response_size import MAX_PAGE_BYTES, MAX_RESPONSE_BYTES, measure_body
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.database import Database, insert_completed_prompt, reset_fleet_tables
from tests.harness.ids import unique_id
from tests.harness.status_poller import insert_instances

LONG_QUOTES = '"' * 100_000
"""As long as a prompt's input may be, and four bytes for each character in a function's response."""


def assert_fits(response: httpx.Response, max_bytes: int = MAX_RESPONSE_BYTES) -> httpx.Response:
    assert measure_body(response.text) <= max_bytes
    return response


def create_conversation(agent: httpx.Client) -> str:
    return get_result(invoke_tool(agent, "conversation.create"))["id"]


def read_page(agent: httpx.Client, conversation_id: str, **arguments: object) -> dict[str, Any]:
    page = {"conversationId": conversation_id, **arguments}
    return get_result(assert_fits(invoke_tool(agent, "conversation.get", page)))


def list_pages(agent: httpx.Client, conversation_id: str, **arguments: object) -> list[list[str]]:
    """The ids of all pages, the newest page first."""
    page = read_page(agent, conversation_id, **arguments)
    pages = [[prompt["id"] for prompt in page["prompts"]]]
    while "nextCursor" in page:
        page = read_page(agent, conversation_id, cursor=page["nextCursor"], **arguments)
        pages.append([prompt["id"] for prompt in page["prompts"]])
        assert len(pages) < 200
    return pages


@pytest.mark.limit("conversation-page")
def test_conversation_of_large_prompts_is_read_page_by_page(agent: httpx.Client, db: Database) -> None:
    conversation_id, user = create_conversation(agent), agent.headers["X-User-Id"]
    ids = [insert_completed_prompt(db, user, conversation_id, LONG_QUOTES, number) for number in range(25)]
    pages = list_pages(agent, conversation_id)
    assert [len(page) for page in pages] == [9, 9, 7]
    assert [prompt_id for page in pages[::-1] for prompt_id in page] == ids
    assert [len(page) for page in list_pages(agent, conversation_id, limit=8)] == [8, 8, 8, 1]


@pytest.mark.limit("conversation-page")
def test_conversation_page_has_at_most_a_hundred_prompts(agent: httpx.Client, db: Database) -> None:
    conversation_id, user = create_conversation(agent), agent.headers["X-User-Id"]
    ids = [insert_completed_prompt(db, user, conversation_id, "hello", number) for number in range(100)]
    assert list_pages(agent, conversation_id) == [ids]
    ids.append(insert_completed_prompt(db, user, conversation_id, "hello", 100))
    assert list_pages(agent, conversation_id) == [ids[1:], ids[:1]]
    for limit in (0, 101):
        arguments = {"conversationId": conversation_id, "limit": limit}
        expect_error(invoke_tool(agent, "conversation.get", arguments), 422, "VALIDATION_ERROR")


def test_pages_of_a_conversation_are_stable_under_writes(agent: httpx.Client, db: Database) -> None:
    conversation_id, user = create_conversation(agent), agent.headers["X-User-Id"]
    same_time = [insert_completed_prompt(db, user, conversation_id, "hello", 0) for _ in range(5)]
    seen, cursor, rounds = list[str](), "", 0
    while cursor or not rounds:
        page = read_page(agent, conversation_id, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [prompt["id"] for prompt in page["prompts"]]
        cursor, rounds = page.get("nextCursor", ""), rounds + 1
        insert_completed_prompt(db, user, conversation_id, "newer", rounds)
        db.execute("UPDATE prompts SET updated_at = now() WHERE conversation_id = %s", (conversation_id,))
        if rounds == 1:
            db.execute("DELETE FROM prompts WHERE id = %s", (page["prompts"][0]["id"],))
    assert sorted(seen) == sorted(same_time)
    for wrong in ("x", "1.000000_prompt-1", "1.000000_ "):
        error = invoke_tool(agent, "conversation.get", {"conversationId": conversation_id, "cursor": wrong})
        expect_error(error, 422, "VALIDATION_ERROR")


@pytest.fixture
def large_fleet(db: Database) -> Any:
    """10,000 instances with three tools each, and as much in their meta as is shown."""
    reset_fleet_tables(db)
    ids = insert_instances(db, [f"service-{number}" for number in range(10_000)], prefix=unique_id("large-"))
    meta = Jsonb(dict.fromkeys(("limit_reset", "created_at", "address", "display_name", "order_id"), "é" * 190))
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key)"
        " SELECT instance_id, tool, 'r', %s, 'KEY' FROM instance_infra,"
        " unnest(ARRAY['openrouter', 'agentmail', 'telnyx']) AS tool",
        (meta,),
    )
    yield ids[::-1]
    reset_fleet_tables(db)


@pytest.mark.slow
@pytest.mark.limit("instances-page")
def test_fleet_of_ten_thousand_is_read_page_by_page(
    api: httpx.Client, agent: httpx.Client, large_fleet: list[str]
) -> None:
    for first in ({}, {"limit": "200"}):
        seen, parameters = list[str](), dict(first)
        while True:
            response = assert_fits(api.get("/dashboard/instances", params=parameters), MAX_PAGE_BYTES + 1000)
            assert response.status_code == 200, response.text[:500]
            page = response.json()
            seen += [instance["instanceId"] for instance in page["instances"]]
            assert len(page["instances"]) <= int(first.get("limit", 5000))
            if "nextCursor" not in page or (first and len(seen) >= 1000):
                break
            parameters = {**first, "cursor": page["nextCursor"]}
        assert seen == large_fleet[: len(seen)]
        assert first or len(seen) == 10_000
    page = get_result(invoke_tool(agent, "instances.list"))
    assert len(page["instances"]) == 100
    following = get_result(invoke_tool(agent, "instances.list", {"cursor": page["nextCursor"], "limit": 1000}))
    assert following["instances"][0]["instanceId"] == large_fleet[100]
    for parameters in ({"limit": "0"}, {"limit": "5001"}, {"limit": "x"}, {"cursor": "x"}):
        refused = api.get("/dashboard/instances", params=parameters)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    for arguments in ({"limit": 1001}, {"cursor": "x"}):
        expect_error(invoke_tool(agent, "instances.list", arguments), 422, "VALIDATION_ERROR")


@pytest.mark.limit("fleet-status")
def test_fleet_that_is_too_large_for_a_response_is_an_error_that_says_what_to_do(
    api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """The contract's status/batch has no pages."""

    def record_listing(count: int) -> None:
        db.execute("DELETE FROM listed_services")
        db.execute("DELETE FROM fleet_listings")
        db.execute(
            "INSERT INTO fleet_listings (environment_id, project_id, environment_name, listed_at)"
            " VALUES ('sim-environment', 'sim-project', '', now())"
        )
        db.execute(
            "INSERT INTO listed_services SELECT 'sim-environment', gen_random_uuid()::text,"
            " 'convos-agent-' || lpad(n::text, 19, '0'), 'SUCCESS', 'convos-agent-' || lpad(n::text, 19, '0')"
            " || '-production.up.railway.app', 'ghcr.io/xmtplabs/convos-runtime:latest'"
            " FROM generate_series(1, %s) AS n",
            (count,),
        )

    try:
        record_listing(18_000)
        fits = assert_fits(api.post("/status/batch", json={"maxAgeSeconds": 3600}))
        assert len(fits.json()["services"]) == 18_000
        record_listing(19_000)
        refused = assert_fits(api.post("/status/batch", json={"maxAgeSeconds": 3600}), 1000)
        assert (refused.status_code, refused.json()["code"]) == (500, "RESPONSE_TOO_LARGE")
        assert "fewer ids" in refused.json()["error"]
        ids = [f"{number:019}" for number in range(1, MAX_INSTANCE_IDS + 1)]
        some = assert_fits(api.post("/status/batch", json={"maxAgeSeconds": 3600, "instanceIds": ids}))
        assert len(some.json()["services"]) == MAX_INSTANCE_IDS
    finally:
        db.execute("DELETE FROM listed_services")
        db.execute("DELETE FROM fleet_listings")


@pytest.mark.limit("audit-page")
def test_largest_page_of_the_audit_log_fits(api: httpx.Client, db: Database) -> None:
    actor = unique_id("audited-")
    db.execute(
        "INSERT INTO audit_log (actor_kind, actor, address, user_agent, action, target_kind, target, outcome,"
        " request_id, details) SELECT 'user', %s, '127.0.0.1', repeat('\"', 256), 'instance.create', 'instance',"
        " repeat('x', 128), 'succeeded', 'r', %s FROM generate_series(1, 201)",
        (actor, Jsonb({"names": '"' * 1990})),
    )
    page = assert_fits(api.get("/audit", params={"actor": actor, "limit": 200}), MAX_PAGE_BYTES).json()
    assert (len(page["entries"]), "nextCursor" in page) == (200, True)
    # An older version cut neither the user agent nor the page.
    db.execute(
        "INSERT INTO audit_log (actor_kind, actor, user_agent, action, target_kind, target, outcome)"
        " SELECT 'user', %s, repeat('\"', 8000), 'instance.create', 'instance', 'x', 'succeeded'"
        " FROM generate_series(1, 200)",
        (actor,),
    )
    page = assert_fits(api.get("/audit", params={"actor": actor, "limit": 200})).json()
    assert 0 < len(page["entries"]) < 200
    following = assert_fits(api.get("/audit", params={"actor": actor, "limit": 200, "cursor": page["nextCursor"]}))
    assert not {e["id"] for e in page["entries"]} & {e["id"] for e in following.json()["entries"]}


def insert_waiting_prompt(db: Database, user: str, shown: dict[str, object], outputs: list[str]) -> str:
    """A prompt that waits for an approval, with as much input as may be and these texts as its outputs."""
    prompt_id = f"prompt-{time.time_ns():032x}"
    db.execute(
        "INSERT INTO prompts (id, user_id, input, status) VALUES (%s, %s, %s, 'waiting')",
        (prompt_id, user, "\u0001" * 100_000),
    )
    db.execute(
        "INSERT INTO prompt_calls (prompt_id, turn, position, asked, state, shown, digest, expires_at)"
        " VALUES (%s, 1, 0, %s, 'waiting', %s, 'd', now() + interval '1 hour')",
        (prompt_id, Json({"id": "call_1", "name": "a.tool", "arguments": "{}"}), Json(shown)),
    )
    for seq, text in enumerate(outputs):
        event = {
            "type": "text",
            "content": text,
            "start": "2026-01-01T00:00:00.000Z",
            "end": "2026-01-01T00:00:00.000Z",
        }
        db.execute("INSERT INTO prompt_events VALUES (%s, %s, 'prompt.output', %s)", (prompt_id, seq + 1, Json(event)))
    return prompt_id


@pytest.mark.limit("approvals-page")
def test_largest_page_of_approvals_fits(agent: httpx.Client, db: Database) -> None:
    """Also of those that an older version asked for, with inputs and reasons of any size."""
    user = agent.headers["X-User-Id"]
    largest = {"toolName": "a.tool", "input": {"a": '"' * 8000}, "reason": "\u202e" * 1000}
    own = {insert_waiting_prompt(db, user, largest, []) for _ in range(95)}
    older = {**largest, "reason": "r" * 520_000}
    own |= {insert_waiting_prompt(db, user, older, []) for _ in range(10)}
    found, cursor, pages = list[str](), None, 0
    while cursor or not pages:
        response = agent.get("/approvals", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
        page = assert_fits(response, MAX_PAGE_BYTES + 1000).json()
        found += [approval["promptId"] for approval in page["approvals"]]
        cursor, pages = page.get("nextCursor"), pages + 1
    assert (len(found), set(found)) == (105, own)
    assert pages > 2
    db.execute("UPDATE prompts SET status = 'failed' WHERE user_id = %s", (user,))


@pytest.mark.limit("prompt-outputs")
def test_prompt_with_as_many_outputs_as_may_be_is_shown_whole(agent: httpx.Client, db: Database) -> None:
    shown = {"toolName": "a.tool", "input": {"a": '"' * 8000}, "reason": "r" * 2000}
    prompt_id = insert_waiting_prompt(db, agent.headers["X-User-Id"], shown, ['"' * 49_800] * 10)
    page = assert_fits(agent.get(f"/prompts/{prompt_id}")).json()
    assert (len(page["outputs"]), "omittedOutputs" in page) == (10, False)


@pytest.mark.limit("prompt-outputs")
@pytest.mark.parametrize(("sizes", "kept"), [([7_000_000], 0), ([500_000] * 10, 7), ([100, 7_000_000, 100], 1)])
def test_approval_can_be_read_whatever_the_outputs_are(
    agent: httpx.Client, db: Database, sizes: list[int], kept: int
) -> None:
    shown = {"toolName": "a.tool", "input": {}, "reason": "It costs money"}
    prompt_id = insert_waiting_prompt(db, agent.headers["X-User-Id"], shown, ["x" * size for size in sizes])
    response = assert_fits(agent.get(f"/prompts/{prompt_id}"))
    assert response.status_code == 200
    page = response.json()
    assert (page["approval"]["reason"], len(page["outputs"])) == ("It costs money", kept)
    assert page["omittedOutputs"] == len(sizes) - kept


MANY_KEYS = {f"{number:x}": 0 for number in range(100_000)}
LONG_KEY = {"k" * 900_000: 0}


@pytest.mark.slow
@pytest.mark.limit("issues")
@pytest.mark.parametrize("body", [MANY_KEYS, LONG_KEY, {"a": {"b": ["x" * 10] * 50_000}}], ids=["many", "long", "list"])
@pytest.mark.parametrize(
    "path",
    [
        "/tools/instances.configure/invoke", "/tools/instances.status/invoke", "/tools/conversation.get/invoke",
        "/prompt", f"/prompts/prompt-{'0' * 32}/approve", f"/prompts/prompt-{'0' * 32}/reject",
    ],
)  # fmt: skip
def test_of_a_hostile_body_little_is_said(agent: httpx.Client, path: str, body: dict[str, object]) -> None:
    started_at = time.monotonic()
    error = expect_error(assert_fits(agent.post(path, json=body), 20_000), 422, "VALIDATION_ERROR")
    assert len(error["details"]) <= 21
    assert time.monotonic() - started_at < 20


@pytest.mark.limit("issues")
@pytest.mark.parametrize("ids", [[0] * 200_000, ["x" * 300_000] * 2, {"k" * 900_000: 0}], ids=["many", "long", "key"])
def test_of_a_hostile_list_of_ids_little_is_said(agent: httpx.Client, api: httpx.Client, ids: object) -> None:
    arguments = {"instanceIds": ids}
    expect_error(assert_fits(invoke_tool(agent, "instances.status", arguments), 20_000), 422, "VALIDATION_ERROR")
    if not isinstance(ids, list) or ids[0] == 0:
        assert assert_fits(api.post("/status/batch", json=arguments), 2000).status_code == 400


@pytest.mark.limit("conversations-page")
def test_largest_page_of_conversations_fits(agent: httpx.Client, db: Database) -> None:
    user = agent.headers["X-User-Id"]
    db.execute(
        "INSERT INTO conversations (id, user_id, title) SELECT 'conv-' || md5(%s || n), %s, repeat('\"', 80)"
        " FROM generate_series(1, 101) AS n",
        (user, user),
    )
    listed = get_result(assert_fits(invoke_tool(agent, "conversation.list", {"limit": 100}), 100_000))
    assert len(listed["conversations"]) == 100
    for wrong in ({"limit": 101}, {"offset": 2**31}):
        expect_error(invoke_tool(agent, "conversation.list", wrong), 422, "VALIDATION_ERROR")


def test_answers_that_grow_with_the_bundle_only_are_far_below_the_limit(agent: httpx.Client, api: httpx.Client) -> None:
    for client, path in ((agent, "/tools"), (agent, "/openapi.json"), (api, "/openapi.json"), (api, "/registry")):
        assert json.loads(assert_fits(client.get(path), MAX_RESPONSE_BYTES // 4).text)
