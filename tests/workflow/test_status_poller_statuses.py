"""The status poller and statuses and domains that the simulator never returns.

Railway is a JSON server here that serves the poller's one query.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from local.stack.stack import Stack
from pointsman.db import connection
from pointsman.lifecycle.status_poller import poll
from pointsman.providers.railway.models import DEPLOYMENT_STATUSES
from tests.harness.database import Database
from tests.harness.json_server import serve_json
from tests.harness.status_poller import deploy_status, insert_instances, instance_row

PollNodes = Callable[..., dict[str, object]]


@pytest.fixture
def poll_nodes(stack: Stack, db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[PollNodes]:
    """Runs the poller against a Railway that lists these nodes."""
    db.execute("DELETE FROM instance_infra")
    for name, value in {
        "SERVICE_DATABASE_URL": stack.database_url,
        "RAILWAY_API_TOKEN": "t",
        "RAILWAY_PROJECT_ID": "p",
        "RAILWAY_ENVIRONMENT_ID": "sim-environment",
    }.items():
        monkeypatch.setenv(name, value)

    def poll_listing(*nodes: dict[str, Any]) -> dict[str, object]:
        with _serve_railway(list(nodes)) as url:
            monkeypatch.setenv("RAILWAY_API_URL", url)
            return poll()

    yield poll_listing
    connection.close()
    db.execute("DELETE FROM instance_infra")


def service_node(service_id: str, status: str | None, **more: Any) -> dict[str, Any]:
    latest = None if status is None else {"status": status}
    return {"serviceId": service_id, "serviceName": "any", "latestDeployment": latest, **more}


def test_every_known_status_is_written(poll_nodes: PollNodes, db: Database) -> None:
    words = sorted(DEPLOYMENT_STATUSES)
    ids = insert_instances(db, words, deploy_status=None)
    assert poll_nodes(*(service_node(word, word) for word in words))["changed"] == len(words) == 13
    assert [deploy_status(db, instance_id) for instance_id in ids] == words


@pytest.mark.parametrize("word", ["HIBERNATING", "success", "", "GONE", "DESTROY_FAILED", None])
def test_an_unknown_status_changes_nothing(poll_nodes: PollNodes, db: Database, word: str | None) -> None:
    ids = [*insert_instances(db, ["known"]), *insert_instances(db, ["null"], prefix="null", deploy_status=None)]
    assert poll_nodes(service_node("known", word), service_node("null", word))["changed"] == 0
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["DEPLOYING", None]


def test_an_unknown_status_shows_that_the_instance_exists(poll_nodes: PollNodes, db: Database) -> None:
    (instance_id,) = insert_instances(db, ["a"], deploy_status="GONE")
    assert poll_nodes(service_node("a", "HIBERNATING"))["changed"] == 1
    assert deploy_status(db, instance_id) is None


def test_known_values_are_written_beside_an_unknown_status(poll_nodes: PollNodes, db: Database) -> None:
    (instance_id,) = insert_instances(db, ["a"], url="https://old.example", runtime_image="old:1")
    poll_nodes(service_node("a", "HIBERNATING", source={"image": "new:2"}))
    found = instance_row(db, instance_id)
    assert (found["deploy_status"], found["url"], found["runtime_image"]) == (
        "DEPLOYING", "https://old.example", "new:2",
    )  # fmt: skip


def test_the_custom_domain_wins(poll_nodes: PollNodes, db: Database) -> None:
    (instance_id,) = insert_instances(db, ["a"])
    domains = {"serviceDomains": [{"domain": "a.up.railway.app"}], "customDomains": [{"domain": "a.example"}]}
    poll_nodes(service_node("a", "SUCCESS", domains=domains))
    assert instance_row(db, instance_id)["url"] == "https://a.example"


def test_an_empty_listing_marks_instances_gone(poll_nodes: PollNodes, db: Database) -> None:
    (instance_id,) = insert_instances(db, ["a"])
    assert poll_nodes() == {"services": 0, "changed": 0, "gone": 1, "instances": 1}
    assert deploy_status(db, instance_id) == "GONE"


def _serve_railway(nodes: list[dict[str, Any]]) -> AbstractContextManager[str]:
    def respond(request: dict[str, Any]) -> tuple[int, object]:
        assert "serviceInstances" in request["query"]
        assert request["variables"]["id"] == "sim-environment"
        page = {"edges": [{"node": node} for node in nodes], "pageInfo": {"hasNextPage": False, "endCursor": None}}
        return 200, {"data": {"environment": {"serviceInstances": page}}}

    return serve_json(respond)
