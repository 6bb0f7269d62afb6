"""A thousand instances, listings that lack a third, break off or are empty: nothing that lives is ever deleted."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pointsman.lifecycle.orphans import sweep
from pointsman.providers.agentmail import AgentMail
from pointsman.providers.openrouter import OpenRouter
from pointsman.providers.railway import Railway
from pointsman.providers.telnyx import Telnyx
from tests.reconcile.strays import Strays

pytestmark = pytest.mark.slow

FLEET = 1000
SOME = 60
"""Keys and inboxes are made one by one, so only some instances have them."""
LISTINGS = [(Railway, "instances"), (Railway, "list_services"), (Railway, "list_volumes"), (OpenRouter, "list"),
            (AgentMail, "list"), (Telnyx, "list")]  # fmt: skip
OPERATIONS = [("railway", "environment"), ("railway", "project"), ("openrouter", "keys.list"),
              ("agentmail", "inboxes.list"), ("telnyx", "numbers.list")]  # fmt: skip


@dataclass
class Fleet:
    strays: Strays
    live: set[str]
    orphans: set[str]

    def assert_it_lives(self) -> None:
        missing = self.live - self.strays.there()
        assert missing == set()


@pytest.fixture
def fleet(strays: Strays) -> Fleet:
    """All with ORPHANS=delete and no time between sightings; a few orphans among them, so that there is something."""
    strays.given(ORPHANS="delete")
    simulator = strays.simulator
    simulator.config({"openrouter": {"page_size": 20}, "agentmail": {"page_default": 20}})
    orphans = strays.one_of_each("stray-1") | strays.one_of_each("stray-2")
    keys, inboxes = [strays.key(f"k{index}") for index in range(SOME)], [strays.inbox(f"i{n}") for n in range(SOME)]
    services = simulator.seed_services(FLEET)
    numbers = [str(one["phone_number"]) for one in simulator.seed_numbers(FLEET, "convos-agent-x")]
    volumes = {one.service_id: one.id for one in strays.railway.list_volumes()}
    strays.db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, volume_id)"
        " SELECT 'f-' || n, service_id, 'sim-environment', volume_id FROM unnest(%s::text[], %s::text[])"
        " WITH ORDINALITY AS t (service_id, volume_id, n)",
        (services, [volumes[one] for one in services]),
    )
    for tool_id, ids in (("telnyx", numbers), ("openrouter", keys), ("agentmail", inboxes)):
        strays.db.execute(
            "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)"
            " SELECT 'f-' || n, %s, id, 'K' FROM unnest(%s::text[]) WITH ORDINALITY AS t (id, n)",
            (tool_id, ids),
        )
    live = {*services, *(volumes[one] for one in services), *numbers, *keys, *inboxes}
    return Fleet(strays, live, orphans)


def thinned(monkeypatch: pytest.MonkeyPatch, lacks: Callable[[], bool]) -> None:
    """Let every listing leave out what this says, and seem complete. What it is of is read once: it is stale, too."""
    read: dict[str, list[Any]] = {}
    for kind, name in LISTINGS:
        whole = getattr(kind, name)

        def some(self: Any, whole: Any = whole) -> Any:
            if whole.__qualname__ not in read:
                read[whole.__qualname__] = list(whole(self))
            return iter([one for one in read[whole.__qualname__] if not lacks()])

        monkeypatch.setattr(kind, name, some)


def test_listings_that_lack_a_random_third(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    thinned(monkeypatch, lambda: chance.random() < 1 / 3)
    for _ in range(15):
        assert sweep(False)["skipped"] == {}
    fleet.assert_it_lives()


def test_listings_that_break_off_on_their_second_page(fleet: Fleet) -> None:
    simulator = fleet.strays.simulator
    kinds = ["garbage", "drop", "html", "server_error", "rate_limit_text"]
    for (provider, operation), kind in zip(OPERATIONS, kinds, strict=True):
        simulator.fault(provider, operation, kind, after=1, times=None)
        assert sweep(False)["skipped"].keys() == {provider for provider, _ in OPERATIONS[: kinds.index(kind) + 1]}
    fleet.assert_it_lives()
    simulator.clear_faults()
    sweep(False)
    sweep(False)
    assert fleet.strays.there() == fleet.live


def test_empty_listings_and_full_ones_in_turn(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = False
    thinned(monkeypatch, lambda: empty)
    for turn in range(8):
        empty = turn % 2 == 1
        sweep(False)
        if empty:
            assert fleet.strays.rows() == {}
    fleet.assert_it_lives()
    assert fleet.strays.there() == fleet.live | fleet.orphans


def test_instances_that_come_and_go_while_listings_flap(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes through what a create writes, one sweep after the other, with its resources there all the time."""
    strays, chance = fleet.strays, random.Random(11)
    made: dict[str, tuple[str, str, str]] = {}
    coming = {f"new-{turn}": (strays.key(f"new-{turn}"), strays.number(f"new-{turn}")) for turn in range(0, 12, 2)}
    thinned(monkeypatch, lambda: chance.random() < 1 / 10)
    for instance_id in coming:
        strays.operation(instance_id)
    for turn in range(18):
        if turn % 2 == 0 and turn < 12:
            instance_id = f"new-{turn}"
            made[f"op-stray-{instance_id}"] = (instance_id, *coming[instance_id])
        for operation_id, (instance_id, key, number) in made.items():
            _next_stage(strays, operation_id, instance_id, key, number, turn - int(instance_id.split("-")[1]))
        sweep(False)
    fleet.assert_it_lives()
    assert {one for _, *ids in made.values() for one in ids} <= strays.there()


def _next_stage(strays: Strays, operation_id: str, instance_id: str, key: str, number: str, age: int) -> None:
    if age == 1:
        strays.entry(operation_id, "openrouter", "tool", "intended", name=f"convos-agent-{instance_id}")
        strays.entry(operation_id, "telnyx", "tool", "intended", phone_number=number)
    if age == 2:
        # Its process is gone and another one has ended it as leaked; only the intents tell of it.
        strays.db.execute("UPDATE operations SET status = 'leaked' WHERE id = %s", (operation_id,))
    if age == 3:
        for tool_id, resource_id in (("openrouter", key), ("telnyx", number)):
            strays.db.execute(
                "UPDATE operation_resources SET state = 'created', resource_id = %s"
                " WHERE operation_id = %s AND provider = %s",
                (resource_id, operation_id, tool_id),
            )
    if age == 5:
        strays.live(instance_id, openrouter=key, telnyx=number)
        strays.db.execute("UPDATE operation_resources SET state = 'deleted' WHERE operation_id = %s", (operation_id,))
