"""What is wrong with how a case ended: pure comparisons of the response, the stored rows and the leftovers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.simulator.control.leftovers import Leftover

from .cases import Scenario

__all__ = ["ClientResponse", "Facts", "find_leaks", "find_stuck", "find_wrong_answers"]

ENV_KEYS = {
    "openrouter": {"OPENROUTER_API_KEY"},
    "agentmail": {"AGENTMAIL_INBOX_ID"},
    "telnyx": {"TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"},
}
RESULT_KEYS = {
    "create": {"instanceId", "serviceId", "url", "services"},
    "destroy": {"instanceId", "destroyed"},
    "provision": {"toolId", "resourceId", "envKey", "status"},
    "destroy_tool": {"toolId", "resourceId", "deleted"},
}
OPERATION_STATUSES = {"running", "succeeded", "failed", "leaked"}
OPEN_STATES = ("intended", "created")


@dataclass(frozen=True)
class ClientResponse:
    """A response as the client got it; `body` is None where it is not a JSON object."""

    status: int
    body: dict[str, Any] | None
    headers: dict[str, str]
    from_gateway: bool = False
    """Whether the function was killed, so that the gateway responded in its place."""


@dataclass(frozen=True)
class Facts:
    """The rows and leftovers of one instance at one moment; `page` is its operation's."""

    instance_id: str
    page: dict[str, Any] | None
    infra: dict[str, Any] | None
    tools: Sequence[dict[str, Any]]
    entries: Sequence[dict[str, Any]]
    operations: Sequence[dict[str, Any]]
    leftovers: Sequence[Leftover]
    service_by_volume: dict[str, str] = field(default_factory=dict[str, str])
    """Service ids by the ids of attached volumes."""
    variables: frozenset[str] = frozenset()
    """The names of the variables of the instance's service."""


def find_leaks(facts: Facts) -> list[str]:
    """Find leftovers that no row or open journal entry of a live instance names, and duplicates."""
    leaks = [
        f"{leftover.provider} {leftover.kind} {leftover.id}"
        for leftover in facts.leftovers
        if not _is_accounted_for(facts, leftover)
    ]
    kinds = Counter((leftover.provider, leftover.kind) for leftover in facts.leftovers)
    return leaks + [f"{count} of {provider} {kind}" for (provider, kind), count in kinds.items() if count > 1]


def _is_accounted_for(facts: Facts, leftover: Leftover) -> bool:
    if facts.infra is None:
        return False
    open_entries = [entry for entry in facts.entries if entry["state"] in OPEN_STATES]
    ids = {facts.infra["provider_service_id"], facts.infra["volume_id"]}
    ids |= {row["resource_id"] for row in facts.tools} | {entry["resource_id"] for entry in open_entries}
    plans = [entry["plan"] for entry in open_entries if entry["state"] == "intended"]
    if leftover.kind == "volume" and any(
        plan.get("service_id") == facts.service_by_volume.get(leftover.id) for plan in plans
    ):
        return True
    planned = {value for plan in plans for value in plan.values()}
    if leftover.kind == "order":
        return any(other.kind == "number" and other.name in ids | planned for other in facts.leftovers)
    return leftover.id in ids or leftover.name in ids or leftover.name in planned


def find_stuck(facts: Facts) -> list[str]:
    """Find operations that are not settled, and open journal entries of instances that do not exist."""
    findings = [
        f"operation {operation['kind']} is {operation['status']}"
        for operation in facts.operations
        if operation["status"] in _UNSETTLED_STATUSES
    ]
    if facts.infra is None:
        findings += [
            f"entry {entry['provider']} {entry['kind']} is {entry['state']}"
            for entry in facts.entries
            if entry["state"] in OPEN_STATES
        ]
    return findings


_UNSETTLED_STATUSES = ("running", "leaked")


def find_wrong_answers(
    scenario: Scenario, response: ClientResponse, facts: Facts, expected_statuses: set[int]
) -> list[str]:
    """Find what is untrue or breaks the contract in the response, and in the page of an ended operation."""
    return [
        *_form_errors(scenario, response, expected_statuses),
        *_page_errors(facts),
        *_consistency_errors(scenario, response, facts),
    ]


def _form_errors(scenario: Scenario, response: ClientResponse, expected_statuses: set[int]) -> Iterator[str]:
    body = response.body
    if body is None or not response.headers.get("content-type", "").startswith("application/json"):
        yield f"the body of {response.status} is not JSON"
        return
    if response.status not in expected_statuses:
        yield f"got {response.status}: {body}"
    if response.status == 200 and not RESULT_KEYS[scenario.kind] <= set(body):
        yield f"200 lacks {sorted(RESULT_KEYS[scenario.kind] - set(body))}"
    if response.status == 202:
        if body.get("status") != "running" or "retry-after" not in response.headers:
            yield f"202 without status or Retry-After: {body}"
        if response.headers.get("location") != f"/operations/{body.get('operationId')}":
            yield f"202 with the Location {response.headers.get('location')}"
    if (
        response.status == 500
        and not response.from_gateway
        and not (isinstance(body.get("error"), str) and body.get("operationId"))
    ):
        yield f"500 without error or operationId: {body}"


def _page_errors(facts: Facts) -> Iterator[str]:
    page = facts.page
    if page is None:
        return
    missing_keys = {"operationId", "instanceId", "kind", "status", "steps", "createdAt", "updatedAt"} - set(page)
    if missing_keys or page["status"] not in OPERATION_STATUSES:
        yield f"the operation's page lacks {sorted(missing_keys)} or has the status {page.get('status')}"
        return
    if page["status"] == "succeeded" and not page.get("result"):
        yield "a success without a result"
    if page["status"] in ("failed", "leaked") and not page.get("error"):
        yield f"{page['status']} without an error"
    if page["status"] != "running" and not all(step.get("endedAt") for step in page["steps"]):
        yield "a step has no end although the operation has"


def _consistency_errors(scenario: Scenario, response: ClientResponse, facts: Facts) -> Iterator[str]:
    page = facts.page
    if page is None or page["status"] not in OPERATION_STATUSES:
        if response.status == 200:
            yield "200 of an unknown operation"
        return
    status = page["status"]
    if response.status == 200 and (status != "succeeded" or response.body != page.get("result")):
        yield f"200, and the operation {status} with {page.get('result')}"
    if response.status == 500 and not response.from_gateway and status not in ("failed", "leaked"):
        yield f"500, and the operation {status}"
    if status == "succeeded":
        yield from _success_errors(scenario, page.get("result") or {}, facts)
    elif status == "failed":
        yield from (f"failed, and left {thing}" for thing in find_leaks(facts))
        if scenario.kind == "create" and (facts.leftovers or facts.infra):
            yield "a create failed, and something exists"
        if scenario.kind == "provision":
            yield from _absent_tool_errors(scenario.tools[0], facts)
            yield from _service_errors(facts, ())
    elif status == "leaked":
        unreported = {_reported_name(leftover) for leftover in facts.leftovers} - _reported_names(page)
        if scenario.kind in ("create", "destroy") and unreported:
            yield f"left and not reported: {sorted(unreported)}"
        if scenario.kind == "provision" and (unreported & set(scenario.tools)):
            yield f"left and not reported: {sorted(unreported)}"


def _reported_names(page: dict[str, Any]) -> set[str]:
    results = (page.get("result") or {}).get("destroyed") or {}
    return set((page.get("error") or {}).get("left") or ()) | {
        name for name, is_deleted in results.items() if not is_deleted
    }


def _reported_name(leftover: Leftover) -> str:
    """Return the name that a response uses for a leftover."""
    return {"service": "service", "volume": "volumes"}.get(leftover.kind, leftover.provider)


def _success_errors(scenario: Scenario, result: dict[str, Any], facts: Facts) -> Iterator[str]:
    if scenario.kind == "destroy":
        if facts.infra or facts.tools or facts.leftovers:
            yield "destroyed, and something exists"
        if not all((result.get("destroyed") or {"": False}).values()):
            yield f"everything was deleted, but reported is {result}"
    elif scenario.kind == "destroy_tool":
        yield from _absent_tool_errors(scenario.tools[0], facts)
        yield from _service_errors(facts, ())
        if result.get("deleted") is not True:
            yield f"the resource was deleted, but reported is {result}"
    elif scenario.kind == "provision":
        yield from _present_tool_errors(scenario.tools[0], result.get("resourceId"), facts)
        yield from _service_errors(facts, ())
    else:
        services = result.get("services") or {}
        if set(services) != set(scenario.tools):
            yield f"asked for {scenario.tools}, reported are {sorted(services)}"
        for tool in services:
            yield from _present_tool_errors(tool, services[tool].get("resourceId"), facts)
        warnings = [str(warning).split(":")[0] for warning in result.get("warnings") or ()]
        yield from _service_errors(facts, warnings)
        if facts.infra and facts.infra["provider_service_id"] != result.get("serviceId"):
            yield "the row has another service than the response"
        if not str(result.get("url")).startswith("https://") and "domain" not in warnings:
            yield f"neither a domain nor a warning: {result}"


def _service_errors(facts: Facts, warnings: Sequence[str]) -> Iterator[str]:
    if facts.infra is None:
        yield "the instance has no row"
        return
    existing_ids = {leftover.id for leftover in facts.leftovers}
    if facts.infra["provider_service_id"] not in existing_ids:
        yield "the row's service does not exist"
    if facts.infra["volume_id"] not in existing_ids and "volume" not in warnings:
        yield "the row's volume does not exist, and there is no warning"
    if not facts.variables >= {"OPENCLAW_GATEWAY_TOKEN", "SETUP_PASSWORD", "PRIVATE_WALLET_KEY"}:
        yield "the service lacks its variables"


def _present_tool_errors(tool: str, resource_id: str | None, facts: Facts) -> Iterator[str]:
    rows = [row for row in facts.tools if row["tool_id"] == tool]
    if [(row["resource_id"], row["status"]) for row in rows] != [(resource_id, "active")]:
        yield f"the rows of {tool} are not the reported resource {resource_id}"
    if not any(
        leftover.provider == tool and resource_id in (leftover.id, leftover.name) for leftover in facts.leftovers
    ):
        yield f"the reported resource {resource_id} of {tool} does not exist"
    if not facts.variables >= ENV_KEYS[tool]:
        yield f"the service lacks the variables of {tool}"


def _absent_tool_errors(tool: str, facts: Facts) -> Iterator[str]:
    if any(row["tool_id"] == tool for row in facts.tools):
        yield f"there is a row of {tool}"
    if any(leftover.provider == tool for leftover in facts.leftovers):
        yield f"there is a resource of {tool}"
