"""Webhooks over HTTP: registration, secrets, quotas, idempotency keys, and whose they are, in both APIs."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.stack.stack import Stack
from pointsman.db.webhook_outbox import FLEET_EVENTS, USER_EVENTS
from pointsman.http.webhook_models import MAX_DESCRIPTION_CHARS
from pointsman.webhooks.registration import MAX_OF_FLEET, MAX_OF_USER, MAX_TESTS_A_MINUTE
from pointsman.webhooks.targets import MAX_URL_CHARS
from tests.harness.background import run_concurrently
from tests.harness.database import Database
from tests.harness.ids import unique_id

URL = "https://hooks.example.org/pointsman"
EVENT = {"fleet": "operation.failed", "user": "prompt.completed"}
ALL_EVENTS = {"fleet": FLEET_EVENTS, "user": USER_EVENTS}


@pytest.fixture(autouse=True)
def no_fleet_webhooks(db: Database) -> Iterator[None]:
    db.execute("DELETE FROM webhooks WHERE owner = 'fleet'")
    yield
    db.execute("DELETE FROM webhooks WHERE owner = 'fleet'")


@pytest.fixture(params=["fleet", "user"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def client(kind: str, api: httpx.Client, agent: httpx.Client) -> httpx.Client:
    """The API whose webhooks are tested: the deployment's, or a user's."""
    return api if kind == "fleet" else agent


def create(client: httpx.Client, kind: str, key: str | None = None, **changes: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post("/webhooks", json={"url": URL, "events": [EVENT[kind]], **changes}, headers=headers)


def created(client: httpx.Client, kind: str, **changes: Any) -> dict[str, Any]:
    response = create(client, kind, **changes)
    assert response.status_code == 200, response.text
    return response.json()


def get_code(response: httpx.Response) -> str:
    body = response.json()
    return body["code"] if isinstance(body["error"], str) else body["error"]["code"]


def test_a_webhook_is_created_shown_changed_and_deleted(client: httpx.Client, kind: str) -> None:
    webhook = created(client, kind, description="Tells the bot")
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert webhook == {
        "id": webhook["id"], "url": URL, "events": [EVENT[kind]], "description": "Tells the bot", "enabled": True,
        "disabledReason": None, "failingSince": None, "createdAt": webhook["createdAt"],
        "updatedAt": webhook["updatedAt"],
    }  # fmt: skip
    path = f"/webhooks/{webhook['id']}"
    assert client.get(path).json() == webhook
    assert client.get("/webhooks").json() == {"webhooks": [webhook]}
    changes = {"url": f"{URL}/2", "events": [*ALL_EVENTS[kind]], "description": "", "enabled": False}
    changed = client.patch(path, json=changes).json()
    assert {**changed, "updatedAt": ""} == {**webhook, **changes, "description": None, "updatedAt": ""}
    assert client.patch(path, json={}).json()["events"] == [*ALL_EVENTS[kind]]
    assert client.delete(path).json() == {"id": webhook["id"], "deleted": True}
    assert [client.request(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert client.get("/webhooks").json() == {"webhooks": []}


def test_no_secret_is_stored_or_shown_again(client: httpx.Client, kind: str, db: Database) -> None:
    webhook = created(client, kind)
    rotated = client.post(f"/webhooks/{webhook['id']}/rotate-secret", headers={"Idempotency-Key": unique_id("k")})
    secrets = {webhook["secret"], rotated.json()["secret"]}
    assert len(secrets) == 2
    seen = client.get("/webhooks").text + client.get(f"/webhooks/{webhook['id']}").text
    for table in ("webhooks", "webhook_requests", "audit_log", "idempotency_keys"):
        seen += str(db.execute(f"SELECT to_jsonb(t) AS row FROM {table} t").fetchall())
    assert not [secret for secret in secrets if secret in seen or secret.removeprefix("whsec_") in seen]


def test_lists_come_in_pages(client: httpx.Client, kind: str) -> None:
    ids = [created(client, kind)["id"] for _ in range(3)]
    page = client.get("/webhooks", params={"limit": 2}).json()
    rest = client.get("/webhooks", params={"limit": 2, "cursor": page["nextCursor"]}).json()
    assert [webhook["id"] for webhook in page["webhooks"] + rest["webhooks"]] == ids[::-1]
    assert "nextCursor" not in rest


@pytest.mark.parametrize(
    "changes",
    [
        {"url": None}, {"url": 7}, {"url": "ftp://example.org/"}, {"url": "http://example.org/"},
        {"url": "https://user@example.org/"}, {"url": "https://10.0.0.1/"}, {"url": "https://example.org/#part"},
        {"events": []}, {"events": ["instance.exploded"]}, {"events": "operation.failed"}, {"events": None},
        {"description": "two\nlines"}, {"unknown": True}, {"enabled": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_member_is_refused_and_named(client: httpx.Client, kind: str, changes: dict[str, Any]) -> None:
    (name,) = changes
    response = create(client, kind, **changes)
    assert response.status_code == {"fleet": 400, "user": 422}[kind]
    assert get_code(response) == {"fleet": "INVALID_INPUT", "user": "VALIDATION_ERROR"}[kind]
    assert name in response.text
    assert client.get("/webhooks").json() == {"webhooks": []}


def test_events_are_of_the_api_that_they_are_asked_of(client: httpx.Client, kind: str) -> None:
    other = "prompt.completed" if kind == "fleet" else "operation.failed"
    assert create(client, kind, events=[other]).status_code in (400, 422)
    assert create(client, kind, events=[EVENT[kind]] * 2).status_code in (400, 422)


@pytest.mark.limit("webhook-url")
def test_the_length_of_an_address_is_bounded(client: httpx.Client, kind: str) -> None:
    longest = URL.ljust(MAX_URL_CHARS, "x")
    assert create(client, kind, url=longest).json()["url"] == longest
    assert create(client, kind, url=longest + "x").status_code in (400, 422)


@pytest.mark.limit("webhook-description")
def test_the_length_of_a_description_is_bounded(client: httpx.Client, kind: str) -> None:
    assert create(client, kind, description="x" * MAX_DESCRIPTION_CHARS).status_code == 200
    assert create(client, kind, description="x" * (MAX_DESCRIPTION_CHARS + 1)).status_code in (400, 422)


@pytest.mark.limit("webhooks")
def test_an_owner_has_so_many_webhooks_at_most(client: httpx.Client, kind: str) -> None:
    allowed = {"fleet": MAX_OF_FLEET, "user": MAX_OF_USER}[kind]
    ids = [created(client, kind)["id"] for _ in range(allowed)]
    refused = create(client, kind)
    assert (refused.status_code, get_code(refused)) == (409, "WEBHOOK_LIMIT")
    client.delete(f"/webhooks/{ids[0]}")
    assert create(client, kind).status_code == 200


@pytest.mark.limit("webhook-tests")
def test_a_webhook_is_tested_so_often_a_minute_at_most(client: httpx.Client, kind: str) -> None:
    path = f"/webhooks/{created(client, kind)['id']}/test"
    assert {client.post(path).status_code for _ in range(MAX_TESTS_A_MINUTE)} == {200}
    refused = client.post(path)
    assert (refused.status_code, get_code(refused), refused.headers["retry-after"]) == (429, "RATE_LIMITED", "60")


def test_another_owners_webhook_is_unknown(
    api: httpx.Client, agent: httpx.Client, other_agent: httpx.Client, db: Database
) -> None:
    own, fleet = created(agent, "user"), created(api, "fleet")
    delivery = agent.post(f"/webhooks/{own['id']}/test").json()["id"]
    for client, webhook in ((other_agent, own), (api, own), (agent, fleet)):
        path = f"/webhooks/{webhook['id']}"
        responses = [
            client.get(path), client.patch(path, json={"enabled": False}), client.delete(path),
            client.post(f"{path}/rotate-secret"), client.post(f"{path}/test"), client.get(f"{path}/deliveries"),
            client.post(f"{path}/deliveries/{delivery}/replay"),
        ]  # fmt: skip
        assert {(response.status_code, get_code(response)) for response in responses} == {(404, "NOT_FOUND")}
    assert other_agent.get("/webhooks").json() == {"webhooks": []}
    foreign = created(other_agent, "user")["id"]
    assert other_agent.post(f"/webhooks/{foreign}/deliveries/{delivery}/replay").status_code == 404
    assert agent.get(f"/webhooks/{own['id']}").json()["enabled"] is True


Send = Callable[[httpx.Client, str, dict[str, str]], httpx.Response]
WRITES: dict[str, Send] = {
    "create": lambda client, _id, headers: client.post(
        "/webhooks", json={"url": URL, "events": [*_events(client)]}, headers=headers
    ),
    "update": lambda client, id, headers: client.patch(f"/webhooks/{id}", json={"enabled": True}, headers=headers),
    "rotate": lambda client, id, headers: client.post(f"/webhooks/{id}/rotate-secret", headers=headers),
    "test": lambda client, id, headers: client.post(f"/webhooks/{id}/test", headers=headers),
    "delete": lambda client, id, headers: client.delete(f"/webhooks/{id}", headers=headers),
}


def _events(client: httpx.Client) -> list[str]:
    return [EVENT["user" if str(client.base_url).rstrip("/").endswith("/api") else "fleet"]]


@pytest.mark.parametrize("write", WRITES)
def test_a_write_with_an_idempotency_key_is_made_once(client: httpx.Client, kind: str, write: str) -> None:
    webhook_id, key = created(client, kind)["id"], {"Idempotency-Key": unique_id("key-")}
    first, repeat = (WRITES[write](client, webhook_id, key) for _ in range(2))
    assert (first.status_code, repeat.status_code) == (200, 200), repeat.text
    assert first.json() == repeat.json()
    assert ("idempotent-replayed" in first.headers, repeat.headers["idempotent-replayed"]) == (False, "true")
    other = create(client, kind, key["Idempotency-Key"], url=f"{URL}/other")
    assert (other.status_code, get_code(other)) == (409, "IDEMPOTENCY_KEY_REUSED")
    wrong = WRITES[write](client, webhook_id, {"Idempotency-Key": "k" * 256})
    assert wrong.status_code in (400, 422)


def test_a_key_is_of_its_owner(agent: httpx.Client, other_agent: httpx.Client) -> None:
    key = unique_id("key-")
    assert create(agent, "user", key).json()["id"] != create(other_agent, "user", key).json()["id"]


def test_changes_are_audited_without_the_path_of_the_address(
    client: httpx.Client, kind: str, api: httpx.Client
) -> None:
    webhook = created(client, kind, url=f"{URL}?token=planted-token")
    client.post(f"/webhooks/{webhook['id']}/rotate-secret")
    client.patch(f"/webhooks/{webhook['id']}", json={"enabled": False})
    client.delete(f"/webhooks/{webhook['id']}")
    audit = api.get("/audit", params={"target": webhook["id"]})
    assert [entry["action"] for entry in audit.json()["entries"]] == [
        "webhook.delete", "webhook.update", "webhook.rotate_secret", "webhook.create",
    ]  # fmt: skip
    assert audit.json()["entries"][0]["target"] == {"kind": "webhook", "id": webhook["id"]}
    assert "planted-token" not in audit.text


@pytest.mark.parametrize(("method", "path", "status"), [
    ("PUT", "/webhooks", 405), ("POST", "/webhooks/none", 405), ("GET", "/webhooks/none/unknown", 404),
    ("GET", "/webhooks/none/deliveries/none/replay", 405), ("GET", "/webhooks/%00", 404),
])  # fmt: skip
def test_other_methods_and_paths(client: httpx.Client, kind: str, method: str, path: str, status: int) -> None:
    assert client.request(method, path).status_code in (status, 400 if "%" in path else status)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"cursor": "x"}, {"unknown": "1"}], ids=str)
def test_a_wrong_query_is_refused(client: httpx.Client, kind: str, query: dict[str, str]) -> None:
    for path in ("/webhooks", f"/webhooks/{created(client, kind)['id']}/deliveries"):
        assert client.get(path, params=query).status_code in (400, 422)


def test_who_is_unknown_learns_nothing(stack: Stack) -> None:
    for path in ("/webhooks", "/webhooks/none", "/api/webhooks", "/api/webhooks/none/deliveries"):
        assert httpx.get(stack.url + path).status_code == 401


def test_a_key_is_free_again_after_a_day(agent: httpx.Client, db: Database) -> None:
    key = unique_id("key-")
    first = create(agent, "user", key)
    with db.transaction():
        db.execute("UPDATE webhook_requests SET created_at = now() - interval '25 hours' WHERE key = %s", (key,))
        # So many others have expired that a request does not delete all of them.
        db.execute(
            "INSERT INTO webhook_requests (owner, key, fingerprint, result, created_at)"
            " SELECT 'fleet', 'old-' || n, '', '{}', now() - interval '26 hours' FROM generate_series(1, 101) AS n"
        )
    second = create(agent, "user", key, url=f"{URL}/2")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["id"] != second.json()["id"]
    assert create(agent, "user", key, url=f"{URL}/2").json() == second.json()
    db.execute("DELETE FROM webhook_requests WHERE owner = 'fleet'")


def test_requests_with_one_key_at_the_same_time_make_one_webhook(agent: httpx.Client) -> None:
    key = unique_id("key-")
    responses = run_concurrently(*[lambda: create(agent, "user", key)] * 4)
    assert len({response.json()["id"] for response in responses}) == 1
    assert len(agent.get("/webhooks").json()["webhooks"]) == 1
