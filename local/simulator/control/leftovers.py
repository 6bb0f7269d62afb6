"""Leftovers: live objects that cost money or count against a quota. Leak tests expect an empty list."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.simulator.state.store import State


@dataclass(frozen=True)
class Leftover:
    """One live object.

    Attributes:
        provider: `railway`, `openrouter`, `agentmail` or `telnyx`.
        kind: `service`, `volume`, `key`, `inbox`, `number` or `order`.
        name: The name or reference that the client gave it; a number's E.164 form.
    """

    provider: str
    kind: str
    id: str
    name: str | None


def list_leftovers(state: State, now: float) -> list[Leftover]:
    """List services, volumes not pending deletion, keys, inboxes, owned numbers, and the orders of owned numbers."""
    return [*_list_railway(state), *_list_openrouter(state), *_list_agentmail(state), *_list_telnyx(state, now)]


def _list_railway(state: State) -> Iterator[Leftover]:
    for service in state.railway.services.values():
        if service.deleted_at is None:
            yield Leftover("railway", "service", service.id, service.name)
    for volume in state.railway.volumes.values():
        if volume.deleted_at is None:
            yield Leftover("railway", "volume", volume.id, volume.name)


def _list_openrouter(state: State) -> Iterator[Leftover]:
    for key in state.openrouter.list_live():
        yield Leftover("openrouter", "key", key.hash, key.name)


def _list_agentmail(state: State) -> Iterator[Leftover]:
    for inbox in state.agentmail.list_live():
        yield Leftover("agentmail", "inbox", inbox.email, inbox.client_id)


def _list_telnyx(state: State, now: float) -> Iterator[Leftover]:
    owned = [number for number in state.telnyx.numbers.values() if number.is_owned(now)]
    for number in owned:
        yield Leftover("telnyx", "number", number.id, number.phone_number)
    with_numbers = {number.order_id for number in owned}
    for order in state.telnyx.orders.values():
        if order.id in with_numbers:
            yield Leftover("telnyx", "order", order.id, order.customer_reference)
