"""Random sequences of all operations, from concurrent callers, with random faults and crashes.

`make test` runs a few, `make sequences` 500 or as many as POINTSMAN_SEQUENCES says; a failure prints the sequence.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import connect, fetch_row, reset_fleet_tables, restart_postgres
from tests.harness.instances import TOOLS, create_request, new_instance_id
from tests.harness.worker_processes import kill_workers

from .idempotent_client import IdempotentClient
from .invariants import find_violations, parse_response, reconcile_until_settled

SEQUENCES = int(os.environ.get("POINTSMAN_SEQUENCES", "2"))
PROCESSES = min(4, -(-SEQUENCES // 5))
"""Stacks that share the sequences, one per process of pytest-xdist: most of a sequence is waiting."""

FAULT_OPERATIONS = {
    "railway": ["serviceCreate", "volumeCreate", "serviceDomainCreate", "environmentPatchCommit", "serviceDelete",
                "volumeDelete", "variableCollectionUpsert", "*"],
    "openrouter": ["keys.create", "keys.delete", "keys.list"],
    "agentmail": ["inboxes.create", "inboxes.delete"],
    "telnyx": ["orders.create", "numbers.search", "numbers.delete"],
}  # fmt: skip
FAULT_KINDS = ["refuse", "lost", "drop", "rate_limit", "server_error", "server_error_done", "html", "garbage"]
HANDLERS = ["provision_tool", "create_service", "attach_volume", "deploy_instance",
            "attach_tool", "destroy_tool", "destroy_service",
            "compensate_operation",
            "create_instance", "destroy_instance"]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step: a request about one of three instances, a fault, a crash, or a run of the reconciler.

    Requests with the same `key` share an Idempotency-Key, whether they are the same request or not.
    """

    action: str
    instance: int = 0
    tools: tuple[str, ...] = ()
    key: int | None = None
    fault: tuple[str, str, str, int | None] | None = None
    handler: str = ""


INSTANCES = st.integers(0, 2)
FAULTS = st.sampled_from(sorted(FAULT_OPERATIONS)).flatmap(
    lambda provider: st.tuples(
        st.just(provider),
        st.sampled_from(FAULT_OPERATIONS[provider]),
        st.sampled_from(FAULT_KINDS),
        st.sampled_from([1, 2, None]),
    )
)
KEYS = st.one_of(st.none(), st.integers(0, 3))
ONE_TOOL = st.sampled_from(TOOLS).map(lambda tool: (tool,))
STEPS = st.one_of(
    st.builds(Step, st.just("create"), INSTANCES, st.lists(st.sampled_from(TOOLS), unique=True).map(tuple), KEYS),
    st.builds(Step, st.sampled_from(["destroy", "redeploy", "configure", "retry"]), INSTANCES, key=KEYS),
    st.builds(
        Step,
        st.sampled_from(["provision", "destroy_tool"]),
        INSTANCES,
        ONE_TOOL,
        KEYS,
    ),
    st.builds(Step, st.just("fault"), fault=FAULTS),
    st.builds(Step, st.just("kill"), handler=st.sampled_from(HANDLERS)),
    st.builds(Step, st.sampled_from(["reconcile", "restart Postgres"])),
)
SEQUENCE = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=2, max_size=6)
"""Groups of concurrent steps, one group after the other."""


@pytest.mark.parametrize("number", range(PROCESSES))
@given(groups=SEQUENCE)
@settings(
    max_examples=-(-SEQUENCES // PROCESSES), deadline=None, database=None, phases=[Phase.generate], print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@pytest.mark.timeout(3600)
def test_no_sequence_leaks_duplicates_or_blocks(
    number: int, groups: list[list[Step]], stack: Stack, api: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.reset()
    with connect(stack.database_url) as db:
        reset_fleet_tables(db)
    ids = [new_instance_id() for _ in range(3)]
    client = IdempotentClient(api)
    with ThreadPoolExecutor(3) as callers:
        for group in groups:
            for _ in callers.map(lambda step: _perform(step, ids, stack, client, simulator), group):
                pass
    simulator.clear_faults()
    with connect(stack.database_url) as db:
        reconcile_until_settled(stack, db)
        assert find_violations(simulator, db) == []
        assert client.find_key_violations() == []
        for instance_id in ids:
            parse_response(api.delete(f"/destroy/{instance_id}"))
        reconcile_until_settled(stack, db)
        assert simulator.list_leftovers() == []
        assert find_violations(simulator, db) == []


def _perform(step: Step, ids: list[str], stack: Stack, client: IdempotentClient, simulator: SimulatorClient) -> None:
    instance_id = ids[step.instance]
    tool = step.tools[0] if step.tools else ""
    requests: dict[str, Callable[[], tuple[str, str, object]]] = {
        "create": lambda: (
            "POST",
            "/create-instance",
            create_request(instance_id, list(step.tools)),
        ),
        "destroy": lambda: ("DELETE", f"/destroy/{instance_id}", None),
        "redeploy": lambda: ("POST", f"/redeploy/{instance_id}", None),
        "configure": lambda: ("POST", f"/configure/{instance_id}", {"variables": {"A": "1"}, "redeploy": True}),
        "provision": lambda: ("POST", f"/provision/{instance_id}/{tool}", None),
        "destroy_tool": lambda: (
            "DELETE",
            f"/destroy/{instance_id}/{tool}/{_resource_id(stack, instance_id, tool)}",
            None,
        ),
        "retry": lambda: ("POST", f"/operations/{_newest_operation_id(stack, instance_id)}/retry", None),
    }
    if step.action in requests:
        client.request(*requests[step.action](), key=step.key)
    elif step.fault is not None:
        provider, call, kind, times = step.fault
        simulator.inject_fault(provider, call, kind, times=times)
    elif step.action == "kill":
        kill_workers(f"{step.handler}.handler")
    elif step.action == "reconcile":
        stack.fire_schedule("ReconcilerFunction")
    else:
        restart_postgres(stack)


def _resource_id(stack: Stack, instance_id: str, tool: str) -> str:
    """Return the instance's resource of this tool, or one that does not exist."""
    query = "SELECT resource_id FROM instance_services WHERE instance_id = %s AND tool_id = %s"
    row = fetch_row(stack, query, instance_id, tool)
    unknown_resources = {"openrouter": "0" * 64, "agentmail": "nobody@agentmail.to", "telnyx": "+15550000000"}
    return row["resource_id"] if row else unknown_resources[tool]


def _newest_operation_id(stack: Stack, instance_id: str) -> str:
    """Return the instance's newest operation, or an id that does not exist."""
    row = fetch_row(stack, "SELECT id FROM operations WHERE instance_id = %s ORDER BY created_at DESC", instance_id)
    return row["id"] if row else "op-of-nobody"
