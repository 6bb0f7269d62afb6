"""Random sequences of all operations, by several callers at once, with random faults and crashes.

Nothing leaks, nothing is doubled, nothing is stuck. `make test` runs a few, `make sequences` 500 or as many as
POINTSMAN_SEQUENCES says; a failure prints the sequence.
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
from local.stack import Stack
from tests.workflow.helpers import TOOLS, Database, forget_other_tests, fresh_id, kill_tasks

from .world import answered, faults_of, settle

SEQUENCES = int(os.environ.get("POINTSMAN_SEQUENCES", "4"))

CALLS = {
    "railway": ["serviceCreate", "volumeCreate", "serviceDomainCreate", "environmentPatchCommit", "serviceDelete",
                "volumeDelete", "variableCollectionUpsert", "*"],
    "openrouter": ["keys.create", "keys.delete", "keys.list"],
    "agentmail": ["inboxes.create", "inboxes.delete"],
    "telnyx": ["orders.create", "numbers.search", "numbers.delete"],
}  # fmt: skip
KINDS = ["refuse", "lost", "drop", "rate_limit", "server_error", "server_error_done", "html", "garbage"]
HANDLERS = ["tasks.provision_tool", "tasks.create_service", "tasks.attach_volume", "tasks.deploy_instance",
            "tasks.record_instance", "tasks.attach_tool", "tasks.destroy_tool", "tasks.destroy_service", "tasks.undo",
            "services.create_instance", "services.destroy_instance"]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing that happens: a request about one of three instances, a fault, a crash, or the reconciler's run."""

    what: str
    instance: int = 0
    tools: tuple[str, ...] = ()
    fault: tuple[str, str, str, int | None] | None = None
    handler: str = ""


INSTANCES = st.integers(0, 2)
FAULTS = st.sampled_from(sorted(CALLS)).flatmap(
    lambda provider: st.tuples(
        st.just(provider), st.sampled_from(CALLS[provider]), st.sampled_from(KINDS), st.sampled_from([1, 2, None])
    )
)
STEPS = st.one_of(
    st.builds(Step, st.just("create"), INSTANCES, st.lists(st.sampled_from(TOOLS), unique=True).map(tuple)),
    st.builds(Step, st.just("destroy"), INSTANCES),
    st.builds(
        Step, st.sampled_from(["provision", "destroy_tool"]), INSTANCES, st.sampled_from(TOOLS).map(lambda t: (t,))
    ),
    st.builds(Step, st.just("fault"), fault=FAULTS),
    st.builds(Step, st.just("kill"), handler=st.sampled_from(HANDLERS)),
    st.builds(Step, st.just("reconcile")),
)
SEQUENCE = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=2, max_size=6)
"""Steps that happen at once, one group after the other."""


@given(groups=SEQUENCE)
@settings(
    max_examples=SEQUENCES, deadline=None, database=None, phases=[Phase.generate], print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@pytest.mark.timeout(3600)
def test_nothing_leaks_nothing_is_doubled_nothing_is_stuck(
    groups: list[list[Step]], stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.reset()
    forget_other_tests(db)
    ids = [fresh_id() for _ in range(3)]
    with ThreadPoolExecutor(3) as callers:
        for group in groups:
            for _ in callers.map(lambda step: _do(step, ids, stack, api, simulator, db), group):
                pass
    simulator.clear_faults()
    settle(stack, db)
    assert faults_of(simulator, db) == []
    for instance_id in ids:
        answered(api.delete(f"/destroy/{instance_id}"))
    settle(stack, db)
    assert simulator.leftovers() == []
    assert faults_of(simulator, db) == []


def _do(step: Step, ids: list[str], stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    instance_id = ids[step.instance]
    tool = step.tools[0] if step.tools else ""
    requests: dict[str, Callable[[], httpx.Response]] = {
        "create": lambda: api.post(
            "/create-instance",
            json={"instanceId": instance_id, "name": f"convos-agent-{instance_id}", "tools": list(step.tools)},
        ),
        "destroy": lambda: api.delete(f"/destroy/{instance_id}"),
        "provision": lambda: api.post(f"/provision/{instance_id}/{tool}"),
        "destroy_tool": lambda: api.delete(f"/destroy/{instance_id}/{tool}/{_resource(stack, instance_id, tool)}"),
    }
    if step.what in requests:
        answered(requests[step.what]())
    elif step.fault is not None:
        provider, call, kind, times = step.fault
        simulator.fault(provider, call, kind, times=times)
    elif step.what == "kill":
        kill_tasks(f"{step.handler}.handler")
    else:
        stack.fire_schedule("ReconcilerFunction")


def _resource(stack: Stack, instance_id: str, tool: str) -> str:
    """The resource that the instance has of this tool, or one that nobody has."""
    import psycopg

    query = "SELECT resource_id FROM instance_services WHERE instance_id = %s AND tool_id = %s"
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(query, (instance_id, tool)).fetchone()
    nobody = {"openrouter": "0" * 64, "agentmail": "nobody@agentmail.to", "telnyx": "+15550000000"}
    return row[0] if row else nobody[tool]
