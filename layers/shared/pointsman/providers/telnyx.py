"""Telnyx: one phone number per instance.

Orders have no idempotency key, and a number is bought once at most; so the number is chosen and written down first, an
order names exactly that number, and before anyone chooses another it is asked whether the first is ours after all.
Number resources appear seconds after their order, and only the order is sure to carry our reference.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from random import choice

from ..errors import InvalidInput, ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from ..settings.telnyx import TelnyxSettings
from .base import Plan, Resource
from .http import Wire, segment
from .reading import Json, text
from .telnyx_account import Order, TelnyxAccount

__all__ = ["Telnyx", "configured"]

PROFILE_NAME = "convos-agent"
CLAIM_WAITS = (0.3, 0.7, 1.0, 1.5, 1.5)
GONE_WAITS = (0.3, 0.7, 1.0, 1.5, 1.5)
"""Seconds to wait, each time, for a new number to appear and for a deleted one to go."""
ARRIVES_WITHIN = 8.0
"""Seconds after its order within which a bought number that is not listed is waited for. Others wait as long."""
TRUSTED_WITHIN = 120.0
"""Seconds for which an order that succeeded proves that its number is ours, listed or not."""


@lru_cache(maxsize=1)
def _built(settings: TelnyxSettings) -> "Telnyx":
    return Telnyx(settings)


def configured() -> "Telnyx | None":
    """The Telnyx of the settings, one per process; None where no API key is set."""
    settings = TelnyxSettings.load()
    return _built(settings) if settings else None


class Telnyx:
    """Phone numbers. A resource's id is the number in E.164."""

    adoptable = True

    def __init__(self, settings: TelnyxSettings, wire: Wire | None = None) -> None:
        self._profile_id = settings.messaging_profile_id
        self._account = TelnyxAccount(settings, wire)
        self.client = self._account.client
        # A number that was just released looks like one that was just bought: ordered, and not listed. This process at
        # least knows which it has released.
        self._released: set[str] = set()

    def plan(self, reference: str, incarnation: str) -> Plan:
        """Choose a US number that can do SMS among those on offer, at random since others are shown the same ones.

        Also finds the messaging profile, or makes it. Raises ProviderUnavailable where no number is on offer.
        """
        del incarnation
        profile = self._profile()
        found = self._account.search(
            {
                "filter[country_code]": "US",
                "filter[features][]": "sms",
                "filter[phone_number_type]": "local",
                "filter[limit]": 20,
                "filter[exclude_held_numbers]": "true",
            }
        )
        if not found:
            raise ProviderUnavailable("telnyx", "available_phone_numbers", "no number on offer", outcome_unknown=False)
        number = choice(found)  # noqa: S311 - others are shown the same numbers
        return {"phone_number": number, "customer_reference": reference, "messaging_profile_id": profile}

    def create(self, plan: Plan, options: Mapping[str, object]) -> Resource:
        """Buy the plan's number. There are no options.

        Raises ProviderRejected with the reason `taken` where it is not to be had any more: plan anew then.
        """
        del options
        body = {
            "phone_numbers": [{"phone_number": plan["phone_number"]}],
            "messaging_profile_id": plan["messaging_profile_id"],
            "customer_reference": plan["customer_reference"],
        }
        self._released.discard(plan["phone_number"])
        try:
            order = self._account.place_order(body)
        except ProviderRejected as error:
            # An earlier order of ours may be what took it; which code says so is not documented for certain.
            if error.reason in ("taken", "invalid") and (ours := self.find(plan)):
                return ours[0]
            if error.reason == "invalid" and plan["messaging_profile_id"] != self._profile_id:
                self._account.profiles.clear()
                what = "the messaging profile is not what it was when it was looked up"
                raise ProviderRejected("telnyx", error.step, what, reason="taken") from None
            raise
        # From here on the number may be ours, whatever a look at it says of itself.
        try:
            order = self._account.settled(order, plan["phone_number"])
            failed = order.state(plan["phone_number"]) == "failure"
            row = None if failed else self._arrived(plan["phone_number"], order)
        except ProviderTimeout:
            raise
        except ProviderError as error:
            after = error.retry_after if isinstance(error, ProviderUnavailable) else None
            what = f"ordered, but it cannot be told how it went ({error.message})"
            raise ProviderUnavailable("telnyx", "number_orders.create", what, retry_after=after) from error
        if failed:
            raise ProviderRejected("telnyx", "number_orders.create", "the order failed", reason="taken")
        return self._claimed(plan, order, row)

    def find(self, plan: Plan) -> list[Resource]:
        """The plan's number if it is ours and this reference's.

        Owning the number is not enough, nor is its messaging profile, which all instances share: another instance of
        ours may have bought it. Waits for an order that is pending; raises ProviderTimeout if it stays so.
        """
        number, reference = plan["phone_number"], plan["customer_reference"]
        row = self._account.owned(number)
        carried = text(row.get("customer_reference")) if row else ""
        if row and carried == reference:
            return [_resource(row, plan)]
        if carried or (row is None and number in self._released):
            return []
        orders = self._account.orders({"filter[customer_reference]": reference}, number)
        order = next((one for one in orders if one.reference == reference), None)
        if order is None or (order := self._account.settled(order, number)).state(number) == "failure":
            return []
        row = row or self._arrived(number, order)
        if row is None and order.age() > TRUSTED_WITHIN:
            return []
        if row and text(row.get("customer_reference")) not in ("", reference):
            return []
        return [self._claimed(plan, order, row)]

    def list(self) -> Iterator[Resource]:
        """Every number of the account. One that carries no reference is named by the order that bought it."""
        rows = [*self._account.numbers()]
        bare = {text(row.get("phone_number")) for row in rows if not row.get("customer_reference")}
        names = self._account.references(bare) if bare else {}
        return (_resource(row, name=names.get(text(row.get("phone_number")), "")) for row in rows)

    def exists(self, resource_id: str) -> bool:
        """Whether the number, given in E.164, is ours and listed."""
        return self._account.owned(resource_id) is not None

    def delete(self, resource_id: str) -> bool:
        """Release the number, given in E.164, so that it costs no more.

        Raises ProviderRejected (`not_ready`) while its deletion lock is on, ProviderTimeout while an order for it is
        pending, ProviderUnavailable if it is still there some 5 s after its deletion.
        """
        digits = re.sub(r"\D", "", resource_id)
        if not 3 <= len(digits) <= 15:
            raise InvalidInput("a phone number in E.164 is needed")
        number = f"+{digits}"
        row = self._account.owned(number) or self._arriving(number)
        if row is None:
            return False
        if row.get("deletion_lock_enabled") is True:
            raise ProviderRejected(
                "telnyx", "phone_numbers.delete", "the number's deletion lock is on", reason="not_ready"
            )
        path = f"/phone_numbers/{segment(text(row.get('id')))}"
        result = self.client.remove("phone_numbers.delete", path, proof="/phone_numbers")
        for wait in (*GONE_WAITS, None):
            if self._account.owned(number) is None:
                self._released.add(number)
                return result != "gone"
            if wait is not None:
                self.client.wire.sleep(wait)
        raise ProviderUnavailable("telnyx", "phone_numbers.delete", "the number is still there")

    def _profile(self) -> str:
        return self._profile_id or self._account.profile(PROFILE_NAME)

    def _arrived(self, number: str, order: Order) -> Json | None:
        """The number's resource, waited for while its order is young."""
        for wait in (*CLAIM_WAITS, None):
            if row := self._account.owned(number):
                return row
            if wait is None or order.age() > ARRIVES_WITHIN:
                break
            self.client.wire.sleep(wait)
        return None

    def _arriving(self, number: str) -> Json | None:
        """The resource of a number that is not listed but has been ordered: it may only not be visible yet."""
        found = [] if number in self._released else self._account.open_orders(number)
        order = next(iter(found), None)
        if order is None:
            return None
        order = self._account.settled(order, number)
        return None if order.state(number) == "failure" else self._arrived(number, order)

    def _claimed(self, plan: Plan, order: Order, row: Json | None) -> Resource:
        """The bought number as a resource. Its own record gets our reference if it lacks it, which is worth a try
        only: the order carries it in any case, and a number that is bought must not be lost for it."""
        if row and row.get("customer_reference") != plan["customer_reference"]:
            try:
                self._account.set_reference(text(row.get("id")), plan["customer_reference"])
            except ProviderError:
                row = None
        return _resource(row or {}, plan, order_id=order.id)


def _resource(row: Json, plan: Plan | None = None, *, name: str = "", order_id: str = "") -> Resource:
    """A listed number, or a planned one with the variables that a runtime needs."""
    meta = {
        "order_id": order_id,
        "number_id": text(row.get("id")),
        "messaging_profile_id": text(row.get("messaging_profile_id")),
        "status": text(row.get("status")),
        "created_at": text(row.get("purchased_at")) or text(row.get("created_at")),
    }
    number, env = text(row.get("phone_number")), dict[str, str]()
    name = text(row.get("customer_reference")) or name
    if plan is not None:
        number, name = plan["phone_number"], plan["customer_reference"]
        meta["messaging_profile_id"] = plan["messaging_profile_id"]
        env = {"TELNYX_PHONE_NUMBER": number, "TELNYX_MESSAGING_PROFILE_ID": plan["messaging_profile_id"]}
    return Resource(number, name, env, {key: value for key, value in meta.items() if value})
