"""The tool provider of phone numbers.

Number orders have no idempotency key, but a number can be bought only once. So the plan names one number, an order buys
exactly that number, and `find` is asked before another is chosen. A number's resource appears seconds after its order,
and only the order is certain to carry the reference.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from random import choice

from ...concurrent_calls import call_both
from ...errors import InvalidInput, ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from ...http_transport import Transport
from ...json_values import JsonObject, as_datetime, as_text
from ...settings.providers import TelnyxSettings
from ..base import Deletion, Plan, ProviderResource, make_provider_getter
from .account import NumberOrder, TelnyxAccount

__all__ = ["TelnyxProvider", "get_provider"]

PROFILE_NAME = "convos-agent"
LISTING_POLL_DELAYS = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between polls until a bought number is listed; 5 in all."""
DELETION_POLL_DELAYS = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between polls until a deleted number is not listed; 5 in all."""
LISTING_LAG_SECONDS = 30.0
"""Age in seconds of an order from which on a number that is not listed is not owned (any more): the longest time for
which Telnyx's users wait for a number's resource."""
ORDER_TRUST_SECONDS = 120.0
"""Age in seconds up to which an order that succeeded proves ownership of its number, listed or not."""

_SEARCH_FILTERS: Mapping[str, str | int] = {
    "filter[country_code]": "US",
    "filter[features][]": "sms",
    "filter[phone_number_type]": "local",
    "filter[limit]": 20,
    "filter[exclude_held_numbers]": "true",
}


class TelnyxProvider:
    """The tool provider of phone numbers. A resource id is the number in E.164."""

    adoptable = True
    plans_offline = False

    def __init__(self, settings: TelnyxSettings, transport: Transport | None = None) -> None:
        self._configured_profile_id = settings.messaging_profile_id
        self._account = TelnyxAccount(settings, transport)
        self.http_client = self._account.http_client
        # A number just deleted looks like one just bought: ordered, not listed. This process knows the purchases
        # that it has ended: by number, the time of the purchase, which is not before its order.
        self._ended_purchases: dict[str, datetime] = {}

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose a US number with SMS that is for sale, at random since other customers see the same numbers.

        Meanwhile finds or creates the messaging profile.

        Raises:
            ProviderUnavailable: also if no number is for sale.
        """
        del operation_id
        profile_id, available = call_both(
            self._get_profile_id, lambda: self._account.search_available_numbers(_SEARCH_FILTERS)
        )
        if not available:
            raise ProviderUnavailable("telnyx", "available_phone_numbers", "no number on offer", outcome_unknown=False)
        number = choice(available)  # noqa: S311 - not a secret
        return {"phone_number": number, "customer_reference": reference, "messaging_profile_id": profile_id}

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Buy the plan's number. There are no options.

        Raises:
            ProviderRejected: with the reason `taken` if the number cannot be bought any more; then plan again.
            ProviderUnavailable: also for each error after the order was placed.
        """
        del options
        body = {
            "phone_numbers": [{"phone_number": plan["phone_number"]}],
            "messaging_profile_id": plan["messaging_profile_id"],
            "customer_reference": plan["customer_reference"],
        }
        try:
            order = self._account.place_order(body, plan["phone_number"])
        except ProviderRejected as error:
            # An earlier attempt's order may have taken it; which code says so is not certain in Telnyx's docs.
            if error.reason in ("taken", "invalid") and (existing := self.find(plan)):
                return existing[0]
            if error.reason == "invalid" and plan["messaging_profile_id"] != self._configured_profile_id:
                self._account.profile_ids.clear()
                description = "the messaging profile is not what it was when it was looked up"
                raise ProviderRejected("telnyx", error.step, description, reason="taken") from None
            raise
        # From here on the number may be bought, so no error may mean that nothing was done.
        try:
            order = self._account.wait_for_order(order, plan["phone_number"])
        except ProviderTimeout:
            raise
        except ProviderError as error:
            retry_after = error.retry_after if isinstance(error, ProviderUnavailable) else None
            description = f"ordered, but it cannot be told how it went ({error.message})"
            raise ProviderUnavailable("telnyx", "number_orders.create", description, retry_after=retry_after) from error
        if order.purchase_state(plan["phone_number"]) == "failure":
            raise ProviderRejected("telnyx", "number_orders.create", "the order failed", reason="taken")
        # The order proves the purchase. The number's resource appears later, and `complete` looks it up.
        return _to_resource({}, plan, order_id=order.id)

    def find(self, plan: Plan) -> list[ProviderResource]:
        """Return the plan's number if the account owns it for the plan's reference.

        Neither owning the number nor its messaging profile, which all instances share, is enough: another instance may
        have bought it. A pending order is polled.

        Raises:
            ProviderTimeout: also if the order stays pending.
        """
        number, reference = plan["phone_number"], plan["customer_reference"]
        row = self._account.find_number(number)
        listed_reference = as_text(row.get("customer_reference")) if row else ""
        if row and listed_reference == reference:
            return [_to_resource(row, plan)]
        if listed_reference:
            return []
        orders = self._account.find_orders({"filter[customer_reference]": reference}, number)
        current = [order for order in orders if order.reference == reference and not self._has_ended(number, order)]
        order = next(iter(current), None)
        if order is None or (order := self._account.wait_for_order(order, number)).purchase_state(number) == "failure":
            return []
        row = row or self._wait_for_listing(number, order)
        if row is None and order.age_seconds() > ORDER_TRUST_SECONDS:
            return []
        if row and as_text(row.get("customer_reference")) not in ("", reference):
            return []
        return [self._complete_purchase(plan, order, row)]

    def list(self) -> Iterator[ProviderResource]:
        """Yield all numbers of the account. One without a reference gets that of its order as name."""
        rows = [*self._account.iter_numbers()]
        unreferenced = {as_text(row.get("phone_number")) for row in rows if not row.get("customer_reference")}
        references = self._account.find_references(unreferenced) if unreferenced else {}
        return (_to_resource(row, name=references.get(as_text(row.get("phone_number")), "")) for row in rows)

    def exists(self, resource_id: str) -> bool:
        """Whether the account owns the number (E.164) and lists it."""
        return self._account.find_number(resource_id) is not None

    def complete(self, resource_id: str, plan: Plan) -> dict[str, str]:
        """Look the number up, once, for its id, and set its reference if it is missing.

        The number may not be listed yet. Its order carries the reference too.
        """
        row = self._account.find_number(resource_id)
        if row is None:
            return {}
        if row.get("customer_reference") != plan["customer_reference"]:
            self._account.set_reference(as_text(row.get("id")), plan["customer_reference"])
        return _to_resource(row, plan).meta

    def start_deletion(self, resource_id: str, meta: Mapping[str, str]) -> Deletion:
        """Release the number (E.164), which ends its monthly cost.

        A number whose `number_id` is known is looked up only if it cannot be deleted by it.

        Raises:
            InvalidInput: the id is not a phone number.
            ProviderRejected: with the reason `not_ready` while the number's deletion lock is on.
            ProviderTimeout: also while an order for the number is pending.
        """
        number = _parse_number(resource_id)
        if (number_id := meta.get("number_id", "")) and self._delete_number(number_id):
            self._note_deletion(number, meta.get("created_at"))
            return Deletion(existed=True, is_confirmed=False)
        row = self._account.find_number(number) or self._find_ordered_number(number, meta.get("order_id", ""))
        if row is None:
            return Deletion(existed=False, is_confirmed=True)
        if row.get("deletion_lock_enabled") is True:
            raise ProviderRejected(
                "telnyx", "phone_numbers.delete", "the number's deletion lock is on", reason="not_ready"
            )
        outcome = self._account.delete_number(as_text(row.get("id")))
        self._note_deletion(number, _get_purchase_time(row))
        return Deletion(outcome != "gone", is_confirmed=False)

    def confirm_deletion(self, resource_id: str) -> None:
        """Poll until the number (E.164) is not listed.

        Raises:
            ProviderUnavailable: it is still listed after 5 s.
        """
        number = _parse_number(resource_id)
        for _ in self.http_client.poll(DELETION_POLL_DELAYS):
            if self._account.find_number(number) is None:
                return
        raise ProviderUnavailable("telnyx", "phone_numbers.delete", "the number is still there")

    def _note_deletion(self, number: str, purchase_time: object) -> None:
        if purchased_at := as_datetime(purchase_time):
            self._ended_purchases[number] = purchased_at

    def _has_ended(self, number: str, order: NumberOrder) -> bool:
        """Whether this process has deleted what the order bought. Both times are by the provider's clock."""
        ended = self._ended_purchases.get(number)
        return ended is not None and order.created_at is not None and order.created_at <= ended

    def _delete_number(self, number_id: str) -> bool:
        """Delete the number of this id; False if that is refused, or if there is no such number."""
        try:
            return self._account.delete_number(number_id) != "gone"
        except ProviderRejected:
            return False

    def _get_profile_id(self) -> str:
        return self._configured_profile_id or self._account.get_or_create_profile(PROFILE_NAME)

    def _wait_for_listing(self, number: str, order: NumberOrder) -> JsonObject | None:
        """Poll the number's resource until it is listed, while its order is young; None if it is not."""
        for _ in self.http_client.poll(LISTING_POLL_DELAYS):
            if row := self._account.find_number(number):
                return row
            if order.age_seconds() > LISTING_LAG_SECONDS:
                break
        return None

    def _find_ordered_number(self, number: str, order_id: str) -> JsonObject | None:
        """Return the resource of a number that has an open order, once it is listed.

        Args:
            number: The number (E.164).
            order_id: The order that bought it, empty if that is not known; then the orders are searched.

        Raises:
            ProviderTimeout: the order is still pending.
            ProviderUnavailable: the number may be bought and not listed yet.
        """
        found = self._read_orders(order_id) or self._account.find_open_orders(number)
        orders = [order for order in found if not self._has_ended(number, order)]
        if not orders:
            return None
        order = self._account.wait_for_order(orders[0], number)
        if order.purchase_state(number) == "failure":
            return None
        row = self._wait_for_listing(number, order)
        if row is None and order.age_seconds() <= LISTING_LAG_SECONDS:
            raise ProviderUnavailable("telnyx", "phone_numbers.list", "the number is ordered, but not listed yet")
        return row

    def _read_orders(self, order_id: str) -> "list[NumberOrder]":
        """Return the order of this id; an empty list without an id, or if Telnyx does not have it (any more)."""
        try:
            return [self._account.get_order(order_id)] if order_id else []
        except ProviderRejected as error:
            if error.reason != "not_found":
                raise
            return []

    def _complete_purchase(self, plan: Plan, order: NumberOrder, row: JsonObject | None) -> ProviderResource:
        """Return the bought number as a resource, and set its reference if it is missing.

        A failure to set it is ignored: the order carries the reference too, and a bought number must not be lost.
        """
        if row and row.get("customer_reference") != plan["customer_reference"]:
            try:
                self._account.set_reference(as_text(row.get("id")), plan["customer_reference"])
            except ProviderError:
                row = None
        return _to_resource(row or {}, plan, order_id=order.id)


get_provider = make_provider_getter(TelnyxSettings.load, TelnyxProvider)
"""Return the provider of the settings, None if its tool is not configured."""


def _parse_number(resource_id: str) -> str:
    """Return a phone number in E.164; raise InvalidInput if it is none."""
    digits = re.sub(r"\D", "", resource_id)
    if not 3 <= len(digits) <= 15:
        raise InvalidInput("a phone number in E.164 is needed")
    return f"+{digits}"


def _get_purchase_time(row: JsonObject) -> str:
    return as_text(row.get("purchased_at")) or as_text(row.get("created_at"))


def _to_resource(row: JsonObject, plan: Plan | None = None, *, name: str = "", order_id: str = "") -> ProviderResource:
    """Return a listed number, or with a plan the bought one with its environment variables."""
    meta = {
        "order_id": order_id,
        "number_id": as_text(row.get("id")),
        "messaging_profile_id": as_text(row.get("messaging_profile_id")),
        "status": as_text(row.get("status")),
        "created_at": _get_purchase_time(row),
    }
    number, env = as_text(row.get("phone_number")), dict[str, str]()
    name = as_text(row.get("customer_reference")) or name
    if plan is not None:
        number, name = plan["phone_number"], plan["customer_reference"]
        meta["messaging_profile_id"] = plan["messaging_profile_id"]
        env = {"TELNYX_PHONE_NUMBER": number, "TELNYX_MESSAGING_PROFILE_ID": plan["messaging_profile_id"]}
    return ProviderResource(number, name, env, {key: value for key, value in meta.items() if value})
