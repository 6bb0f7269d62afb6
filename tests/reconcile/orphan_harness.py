"""Resources with our name at the simulated providers, rows, and orphan sweeps in this process."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.lifecycle.orphan_sweep import sweep_orphans
from pointsman.providers import railway, registry
from pointsman.providers.railway import RailwayClient
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.function_environment import use_environment

TOKENS = {
    "RAILWAY_API_TOKEN": "planted-railway-token",
    "OPENROUTER_MANAGEMENT_KEY": "planted-management-key",
    "AGENTMAIL_API_KEY": "planted-agentmail-key",
    "TELNYX_API_KEY": "planted-telnyx-key",
}
PROVIDERS = ("railway", "openrouter", "agentmail", "telnyx")
AGE = "2 hours"


@dataclass
class OrphanHarness:
    """Creates resources, and rows that name them. Two sightings suffice unless a test sets ORPHAN_AFTER_SECONDS."""

    simulator: SimulatorClient
    db: Database
    monkeypatch: pytest.MonkeyPatch

    def set_environment(self, **settings: str) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(name, value)

    @property
    def railway(self) -> RailwayClient:
        return railway.get_client()

    def create_key(self, instance_id: str) -> str:
        return self.create_tool_resource("openrouter", {"name": f"convos-agent-{instance_id}"})

    def create_inbox(self, instance_id: str) -> str:
        provider = registry.get_tool_provider("agentmail")
        assert provider is not None
        return self.create_tool_resource("agentmail", provider.plan(f"convos-agent-{instance_id}", "op-" + "0" * 32))

    def create_tool_resource(self, tool_id: str, plan: Any) -> str:
        provider = registry.get_tool_provider(tool_id)
        assert provider is not None
        return provider.create(plan, {}).id

    def create_number(self, instance_id: str) -> str:
        return str(self.simulator.seed_numbers(1, f"convos-agent-{instance_id}")[0]["phone_number"])

    def create_service(self, instance_id: str) -> tuple[str, str]:
        """Create a deployed service with a volume; returns both ids."""
        service_id = self.railway.create_service(f"convos-agent-{instance_id}")
        volume_id = self.railway.create_volume(service_id, "/data")
        self.railway.deploy(service_id, image="i", start_command="s", variables={})
        return service_id, volume_id

    def create_one_of_each(self, instance_id: str) -> set[str]:
        return {
            *self.create_service(instance_id),
            self.create_key(instance_id),
            self.create_inbox(instance_id),
            self.create_number(instance_id),
        }

    def insert_instance(self, instance_id: str, service: tuple[str, str] | None = None, **tools: str) -> None:
        """Insert the rows of an instance that uses these resources."""
        service_id, volume_id = service or (f"service-of-{instance_id}", None)
        self.db.execute(
            "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, volume_id)"
            " VALUES (%s, %s, 'sim-environment', %s)",
            (instance_id, service_id, volume_id),
        )
        for tool_id, resource_id in tools.items():
            self.db.execute(
                "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key) VALUES (%s, %s, %s, 'K')",
                (instance_id, tool_id, resource_id),
            )

    def insert_operation(self, instance_id: str, status: str = "running", **request: object) -> str:
        operation_id = f"op-stray-{instance_id}"
        self.db.execute(
            "INSERT INTO operations (id, instance_id, kind, status, request) VALUES (%s, %s, 'create', %s, %s)",
            (operation_id, instance_id, status, json.dumps({"tools": [], **request})),
        )
        return operation_id

    def insert_journal_entry(
        self, operation_id: str, provider: str, kind: str, state: str, resource_id: str | None = None, **plan: str
    ) -> None:
        self.db.execute(
            "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, resource_id)"
            " VALUES (%s, 'of-strays', %s, %s, %s, %s, %s)",
            (operation_id, provider, kind, json.dumps(plan), state, resource_id),
        )

    def age_sightings(self) -> None:
        """Make all first sightings two hours old."""
        self.db.execute("UPDATE orphan_sightings SET first_seen = first_seen - %s::interval", (AGE,))

    def sightings(self) -> dict[str, dict[str, Any]]:
        """Return the sightings by resource id."""
        return {row["resource_id"]: row for row in self.db.execute("SELECT * FROM orphan_sightings").fetchall()}

    def existing_ids(self) -> set[str]:
        """Return the ids of all resources that exist at the providers."""
        state = self.simulator.get_state()
        numbers = {number["id"]: number["phone_number"] for number in state["telnyx"]["numbers"].values()}
        return {numbers.get(leftover.id, leftover.id) for leftover in self.simulator.list_leftovers()}


def run_sweeps(times: int = 1, dry: bool = False) -> dict[str, str]:
    """Sweep; returns the last sweep's actions by resource id."""
    report: dict[str, Any] = {}
    for _ in range(times):
        report = sweep_orphans(dry)
    return {action["id"]: action["action"] for action in report["actions"]}


def log_records(caplog: pytest.LogCaptureFixture, prefix: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.msg.startswith(prefix)]


def open_harness(
    stack: Stack, simulator: SimulatorClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OrphanHarness]:
    """Yield a harness in an environment that leads to the stack, without rows and sightings of other tests."""
    bases = simulator.base_urls
    environment = {
        "SERVICE_DATABASE_URL": stack.database_url, "RAILWAY_API_URL": bases.railway,
        "OPENROUTER_API_URL": bases.openrouter, "AGENTMAIL_API_URL": bases.agentmail,
        "TELNYX_API_URL": bases.telnyx, "RAILWAY_PROJECT_ID": "sim-project",
        "RAILWAY_ENVIRONMENT_ID": "sim-environment", "RAILWAY_TIMEOUT_SECONDS": "5",
        "PROVIDER_TIMEOUT_SECONDS": "5", "ORPHAN_AFTER_SECONDS": "0", "ORPHANS": "report", **TOKENS,
    }  # fmt: skip
    with use_environment(monkeypatch, environment):
        _clear_tables(db)
        yield OrphanHarness(simulator, db, monkeypatch)
    _clear_tables(db)


def _clear_tables(db: Database) -> None:
    db.execute("DELETE FROM orphan_sightings")
    db.execute("DELETE FROM orphan_decisions")
    reset_fleet_tables(db)
    db.execute("DELETE FROM operation_resources WHERE operation_id LIKE 'op-stray-%'")
    db.execute("DELETE FROM operations WHERE id LIKE 'op-stray-%'")
