"""A thousand instances and listings that are incomplete, fail or are empty: no live resource is ever deleted."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pointsman.lifecycle.orphan_sweep import sweep_orphans
from pointsman.providers.agentmail import AgentMailProvider
from pointsman.providers.openrouter import OpenRouterProvider
from pointsman.providers.railway import RailwayClient
from pointsman.providers.telnyx.provider import TelnyxProvider
from tests.reconcile.orphan_harness import OrphanHarness

pytestmark = pytest.mark.slow

FLEET = 1000
SMALL_FLEET = 60
"""Keys and inboxes are created one by one, so only some instances have them."""
LISTINGS = [
    (RailwayClient, "list_service_instances"),
    (RailwayClient, "list_services"),
    (RailwayClient, "list_volumes"),
    (OpenRouterProvider, "list"),
    (AgentMailProvider, "list"),
    (TelnyxProvider, "list"),
]
OPERATIONS = [("railway", "environment"), ("railway", "project"), ("openrouter", "keys.list"),
              ("agentmail", "inboxes.list"), ("telnyx", "numbers.list")]  # fmt: skip


@dataclass
class Fleet:
    harness: OrphanHarness
    live: set[str]
    orphans: set[str]

    def assert_nothing_live_is_missing(self) -> None:
        missing = self.live - self.harness.existing_ids()
        assert missing == set()


@pytest.fixture
def fleet(harness: OrphanHarness) -> Fleet:
    """A fleet with ORPHANS=delete, no minimum time between sightings, and a few orphans."""
    harness.set_environment(ORPHANS="delete")
    simulator = harness.simulator
    simulator.update_config({"openrouter": {"page_size": 20}, "agentmail": {"page_default": 20}})
    orphans = harness.create_one_of_each("stray-1") | harness.create_one_of_each("stray-2")
    keys, inboxes = (
        [harness.create_key(f"k{index}") for index in range(SMALL_FLEET)],
        [harness.create_inbox(f"i{n}") for n in range(SMALL_FLEET)],
    )
    service_ids = simulator.seed_services(FLEET)
    numbers = [str(number["phone_number"]) for number in simulator.seed_numbers(FLEET, "convos-agent-x")]
    volumes = {volume.service_id: volume.id for volume in harness.railway.list_volumes()}
    harness.db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, volume_id)"
        " SELECT 'f-' || n, service_id, 'sim-environment', volume_id FROM unnest(%s::text[], %s::text[])"
        " WITH ORDINALITY AS t (service_id, volume_id, n)",
        (service_ids, [volumes[service_id] for service_id in service_ids]),
    )
    for tool_id, ids in (("telnyx", numbers), ("openrouter", keys), ("agentmail", inboxes)):
        harness.db.execute(
            "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)"
            " SELECT 'f-' || n, %s, id, 'K' FROM unnest(%s::text[]) WITH ORDINALITY AS t (id, n)",
            (tool_id, ids),
        )
    live = {*service_ids, *(volumes[service_id] for service_id in service_ids), *numbers, *keys, *inboxes}
    return Fleet(harness, live, orphans)


def make_listings_incomplete(monkeypatch: pytest.MonkeyPatch, is_left_out: Callable[[], bool]) -> None:
    """Let listings leave out items and seem complete. Each listing is read once, so it is stale, too."""
    snapshots: dict[str, list[Any]] = {}
    for kind, name in LISTINGS:
        original = getattr(kind, name)

        def incomplete_listing(self: Any, whole: Any = original) -> Any:
            if whole.__qualname__ not in snapshots:
                snapshots[whole.__qualname__] = list(whole(self))
            return iter([item for item in snapshots[whole.__qualname__] if not is_left_out()])

        monkeypatch.setattr(kind, name, incomplete_listing)


def test_listings_without_a_random_third_delete_nothing_live(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    make_listings_incomplete(monkeypatch, lambda: chance.random() < 1 / 3)
    for _ in range(15):
        assert sweep_orphans(False)["skipped"] == {}
    fleet.assert_nothing_live_is_missing()


def test_listings_that_fail_on_their_second_page_delete_nothing_live(fleet: Fleet) -> None:
    simulator = fleet.harness.simulator
    kinds = ["garbage", "drop", "html", "server_error", "rate_limit_text"]
    for (provider, operation), kind in zip(OPERATIONS, kinds, strict=True):
        simulator.inject_fault(provider, operation, kind, after=1, times=None)
        assert sweep_orphans(False)["skipped"].keys() == {
            provider for provider, _ in OPERATIONS[: kinds.index(kind) + 1]
        }
    fleet.assert_nothing_live_is_missing()
    simulator.clear_faults()
    sweep_orphans(False)
    sweep_orphans(False)
    assert fleet.harness.existing_ids() == fleet.live


def test_alternating_empty_and_full_listings_delete_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = False
    make_listings_incomplete(monkeypatch, lambda: empty)
    for turn in range(8):
        empty = turn % 2 == 1
        sweep_orphans(False)
        if empty:
            assert fleet.harness.sightings() == {}
    fleet.assert_nothing_live_is_missing()
    assert fleet.harness.existing_ids() == fleet.live | fleet.orphans


def test_instances_created_while_listings_flap_are_kept(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is written as a create would, one stage per sweep; its resources exist all the time."""
    strays, chance = fleet.harness, random.Random(11)
    running: dict[str, tuple[str, str, str]] = {}
    planned = {
        f"new-{turn}": (strays.create_key(f"new-{turn}"), strays.create_number(f"new-{turn}"))
        for turn in range(0, 12, 2)
    }
    make_listings_incomplete(monkeypatch, lambda: chance.random() < 1 / 10)
    for instance_id in planned:
        strays.insert_operation(instance_id)
    for turn in range(18):
        if turn % 2 == 0 and turn < 12:
            instance_id = f"new-{turn}"
            running[f"op-stray-{instance_id}"] = (instance_id, *planned[instance_id])
        for operation_id, (instance_id, key, number) in running.items():
            _advance_create(strays, operation_id, instance_id, key, number, turn - int(instance_id.split("-")[1]))
        sweep_orphans(False)
    fleet.assert_nothing_live_is_missing()
    assert {resource_id for _, *ids in running.values() for resource_id in ids} <= strays.existing_ids()


def _advance_create(
    harness: OrphanHarness, operation_id: str, instance_id: str, key: str, number: str, age: int
) -> None:
    if age == 1:
        harness.insert_journal_entry(operation_id, "openrouter", "tool", "intended", name=f"convos-agent-{instance_id}")
        harness.insert_journal_entry(operation_id, "telnyx", "tool", "intended", phone_number=number)
    if age == 2:
        # Its process is gone and another one has ended it as leaked; only the intents name its resources.
        harness.db.execute("UPDATE operations SET status = 'leaked' WHERE id = %s", (operation_id,))
    if age == 3:
        for tool_id, resource_id in (("openrouter", key), ("telnyx", number)):
            harness.db.execute(
                "UPDATE operation_resources SET state = 'created', resource_id = %s"
                " WHERE operation_id = %s AND provider = %s",
                (resource_id, operation_id, tool_id),
            )
    if age == 5:
        harness.insert_instance(instance_id, openrouter=key, telnyx=number)
        harness.db.execute("UPDATE operation_resources SET state = 'deleted' WHERE operation_id = %s", (operation_id,))
