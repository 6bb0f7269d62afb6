"""Telnyx: one phone number per instance.

Orders have no idempotency key, and a number is bought once at most; so the number is chosen and written down first, an
order names exactly that number, and before anyone chooses another it is asked whether the first is ours after all.
Number resources appear seconds after their order, and only the order is sure to carry our reference.
"""

import re
from collections.abc import Iterator, Mapping
from random import choice

from ...errors import InvalidInput, ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from ...http_transport import Transport
from ...json_values import JsonObject, as_text
from ...settings.providers import TelnyxSettings
from ..base import Plan, ProviderResource, make_provider_getter
from ..http_client import quote_path_segment
from .account import NumberOrder, TelnyxAccount

__all__ = ["TelnyxProvider", "get_provider"]

PROFILE_NAME = "convos-agent"
LISTING_POLL_DELAYS = (0.3, 0.7, 1.0, 1.5, 1.5)
DELETION_POLL_DELAYS = (0.3, 0.7, 1.0, 1.5, 1.5)
"""Seconds to wait, each time, for a new number to appear and for a deleted one to go."""
LISTING_LAG_SECONDS = 8.0
"""Seconds after its order within which a bought number that is not listed is waited for. Others wait as long."""
ORDER_TRUST_SECONDS = 120.0
"""Seconds for which an order that succeeded proves that its number is ours, listed or not."""


class TelnyxProvider:
    """Phone numbers. A resource's id is the number in E.164."""

    adoptable = True

    def __init__(self, settings: TelnyxSettings, transport: Transport | None = None) -> None:
        self._configured_profile_id = settings.messaging_profile_id
        self._account = TelnyxAccount(settings, transport)
        self.http_client = self._account.http_client
        # A number that was just released looks like one that was just bought: ordered, and not listed. This process at
        # least knows which it has released.
        self._released_numbers: set[str] = set()

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose a US number that can do SMS among those on offer, at random since others are shown the same ones.

        Also finds the messaging profile, or makes it. Raises ProviderUnavailable where no number is on offer.
        """
        del operation_id
        profile_id = self._get_profile_id()
        available = self._account.search_available_numbers(
            {
                "filter[country_code]": "US",
                "filter[features][]": "sms",
                "filter[phone_number_type]": "local",
                "filter[limit]": 20,
                "filter[exclude_held_numbers]": "true",
            }
        )
        if not available:
            raise ProviderUnavailable("telnyx", "available_phone_numbers", "no number on offer", outcome_unknown=False)
        number = choice(available)  # noqa: S311 - others are shown the same numbers
        return {"phone_number": number, "customer_reference": reference, "messaging_profile_id": profile_id}

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Buy the plan's number. There are no options.

        Raises ProviderRejected with the reason `taken` where it is not to be had any more: plan anew then.
        """
        del options
        body = {
            "phone_numbers": [{"phone_number": plan["phone_number"]}],
            "messaging_profile_id": plan["messaging_profile_id"],
            "customer_reference": plan["customer_reference"],
        }
        self._released_numbers.discard(plan["phone_number"])
        try:
            order = self._account.place_order(body)
        except ProviderRejected as error:
            # An earlier order of ours may be what took it; which code says so is not documented for certain.
            if error.reason in ("taken", "invalid") and (existing := self.find(plan)):
                return existing[0]
            if error.reason == "invalid" and plan["messaging_profile_id"] != self._configured_profile_id:
                self._account.profile_ids.clear()
                description = "the messaging profile is not what it was when it was looked up"
                raise ProviderRejected("telnyx", error.step, description, reason="taken") from None
            raise
        # From here on the number may be ours, whatever a look at it says of itself.
        try:
            order = self._account.wait_for_order(order, plan["phone_number"])
            order_failed = order.purchase_state(plan["phone_number"]) == "failure"
            row = None if order_failed else self._wait_for_listing(plan["phone_number"], order)
        except ProviderTimeout:
            raise
        except ProviderError as error:
            retry_after = error.retry_after if isinstance(error, ProviderUnavailable) else None
            description = f"ordered, but it cannot be told how it went ({error.message})"
            raise ProviderUnavailable("telnyx", "number_orders.create", description, retry_after=retry_after) from error
        if order_failed:
            raise ProviderRejected("telnyx", "number_orders.create", "the order failed", reason="taken")
        return self._complete_purchase(plan, order, row)

    def find(self, plan: Plan) -> list[ProviderResource]:
        """The plan's number if it is ours and this reference's.

        Owning the number is not enough, nor is its messaging profile, which all instances share: another instance of
        ours may have bought it. Waits for an order that is pending; raises ProviderTimeout if it stays so.
        """
        number, reference = plan["phone_number"], plan["customer_reference"]
        row = self._account.find_number(number)
        listed_reference = as_text(row.get("customer_reference")) if row else ""
        if row and listed_reference == reference:
            return [_to_resource(row, plan)]
        if listed_reference or (row is None and number in self._released_numbers):
            return []
        orders = self._account.find_orders({"filter[customer_reference]": reference}, number)
        order = next((one for one in orders if one.reference == reference), None)
        if order is None or (order := self._account.wait_for_order(order, number)).purchase_state(number) == "failure":
            return []
        row = row or self._wait_for_listing(number, order)
        if row is None and order.age_seconds() > ORDER_TRUST_SECONDS:
            return []
        if row and as_text(row.get("customer_reference")) not in ("", reference):
            return []
        return [self._complete_purchase(plan, order, row)]

    def list(self) -> Iterator[ProviderResource]:
        """Every number of the account. One that carries no reference is named by the order that bought it."""
        rows = [*self._account.iter_numbers()]
        unreferenced = {as_text(row.get("phone_number")) for row in rows if not row.get("customer_reference")}
        references = self._account.find_references(unreferenced) if unreferenced else {}
        return (_to_resource(row, name=references.get(as_text(row.get("phone_number")), "")) for row in rows)

    def exists(self, resource_id: str) -> bool:
        """Whether the number, given in E.164, is ours and listed."""
        return self._account.find_number(resource_id) is not None

    def delete(self, resource_id: str) -> bool:
        """Release the number, given in E.164, so that it costs no more.

        Raises ProviderRejected (`not_ready`) while its deletion lock is on, ProviderTimeout while an order for it is
        pending, ProviderUnavailable if it is still there some 5 s after its deletion.
        """
        digits = re.sub(r"\D", "", resource_id)
        if not 3 <= len(digits) <= 15:
            raise InvalidInput("a phone number in E.164 is needed")
        number = f"+{digits}"
        row = self._account.find_number(number) or self._find_ordered_number(number)
        if row is None:
            return False
        if row.get("deletion_lock_enabled") is True:
            raise ProviderRejected(
                "telnyx", "phone_numbers.delete", "the number's deletion lock is on", reason="not_ready"
            )
        path = f"/phone_numbers/{quote_path_segment(as_text(row.get('id')))}"
        outcome = self.http_client.delete("phone_numbers.delete", path, existing_path="/phone_numbers")
        for _ in self.http_client.poll(DELETION_POLL_DELAYS):
            if self._account.find_number(number) is None:
                self._released_numbers.add(number)
                return outcome != "gone"
        raise ProviderUnavailable("telnyx", "phone_numbers.delete", "the number is still there")

    def _get_profile_id(self) -> str:
        return self._configured_profile_id or self._account.get_or_create_profile(PROFILE_NAME)

    def _wait_for_listing(self, number: str, order: NumberOrder) -> JsonObject | None:
        """The number's resource, waited for while its order is young."""
        for _ in self.http_client.poll(LISTING_POLL_DELAYS):
            if row := self._account.find_number(number):
                return row
            if order.age_seconds() > LISTING_LAG_SECONDS:
                break
        return None

    def _find_ordered_number(self, number: str) -> JsonObject | None:
        """The resource of a number that is not listed but has been ordered: it may only not be visible yet."""
        orders = [] if number in self._released_numbers else self._account.find_open_orders(number)
        order = next(iter(orders), None)
        if order is None:
            return None
        order = self._account.wait_for_order(order, number)
        return None if order.purchase_state(number) == "failure" else self._wait_for_listing(number, order)

    def _complete_purchase(self, plan: Plan, order: NumberOrder, row: JsonObject | None) -> ProviderResource:
        """The bought number as a resource. Its own record gets our reference if it lacks it, which is worth a try
        only: the order carries it in any case, and a number that is bought must not be lost for it."""
        if row and row.get("customer_reference") != plan["customer_reference"]:
            try:
                self._account.set_reference(as_text(row.get("id")), plan["customer_reference"])
            except ProviderError:
                row = None
        return _to_resource(row or {}, plan, order_id=order.id)


get_provider = make_provider_getter(TelnyxSettings.load, TelnyxProvider)
"""Return the provider of the settings; None without the API key."""


def _to_resource(row: JsonObject, plan: Plan | None = None, *, name: str = "", order_id: str = "") -> ProviderResource:
    """A listed number, or a planned one with the variables that a runtime needs."""
    meta = {
        "order_id": order_id,
        "number_id": as_text(row.get("id")),
        "messaging_profile_id": as_text(row.get("messaging_profile_id")),
        "status": as_text(row.get("status")),
        "created_at": as_text(row.get("purchased_at")) or as_text(row.get("created_at")),
    }
    number, env = as_text(row.get("phone_number")), dict[str, str]()
    name = as_text(row.get("customer_reference")) or name
    if plan is not None:
        number, name = plan["phone_number"], plan["customer_reference"]
        meta["messaging_profile_id"] = plan["messaging_profile_id"]
        env = {"TELNYX_PHONE_NUMBER": number, "TELNYX_MESSAGING_PROFILE_ID": plan["messaging_profile_id"]}
    return ProviderResource(number, name, env, {key: value for key, value in meta.items() if value})
