"""What a Telnyx account holds: numbers, their orders, messaging profiles. Calls and their reading; no decisions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ..errors import ProviderRejected, ProviderTimeout
from ..settings.telnyx import TelnyxSettings
from .http import Client, Kind, Said, Wire, segment
from .reading import Json, mapping, mappings, moment, number, text

__all__ = ["Order", "OrderState", "TelnyxAccount"]

PAGE = 250
ORDER_WAITS = (0.4, 0.6, 1.0, 1.0, 1.5, 1.5, 2.0, 2.0)
"""Seconds to wait, each time, for a pending order: 10 in all."""
RECENT = 120.0
"""Seconds since an order within which its number may not be listed yet."""
READ_ORDERS = 50
"""How many orders a search for one number reads one by one, where the listing does not name their numbers."""

GONE = frozenset({"deleted", "ported-out", "purchase-failed", "port-failed"})
"""Statuses of a number that is not ours (any more)."""

_CODES: dict[str, Kind] = {
    "10005": "not_found",
    "10007": "unavailable",
    "10009": "unauthorized",
    "10010": "unauthorized",
    "10011": "throttled",
    "10012": "taken",
    "10015": "invalid",
    "10027": "invalid",
    "10036": "unavailable",
    "10037": "unavailable",
    "10038": "limit",
    "10039": "limit",
    "20012": "limit",
    "20014": "limit",
    "20016": "limit",
    "20017": "limit",
    "20100": "limit",
    "40331": "invalid",
    "85000": "taken",
    "85001": "taken",
    "85004": "invalid",
    "85005": "invalid",
    "85006": "taken",
    "85007": "limit",
}

OrderState = Literal["pending", "success", "failure"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of numbers. `numbers` maps each to its own status; it may be empty in a listing."""

    id: str
    reference: str
    status: str
    created_at: datetime | None
    numbers: Mapping[str, str]

    def state(self, number: str) -> OrderState:
        """What has become of this number's purchase. A status that is not known counts as pending."""
        statuses = (self.status, self.numbers.get(number, self.status))
        if any(re.match(r"fail|cancel|delet", status) for status in statuses):
            return "failure"
        return "success" if statuses == ("success", "success") else "pending"

    def age(self) -> float:
        """Seconds since the order was placed, 0 where that is not known."""
        return (datetime.now(UTC) - self.created_at).total_seconds() if self.created_at else 0.0


class TelnyxAccount:
    """All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout."""

    def __init__(self, settings: TelnyxSettings, wire: Wire | None = None) -> None:
        self.profiles: dict[str, str] = {}
        """Messaging profiles by name, as far as they have been looked up."""
        self._page_size = PAGE
        self.client = Client(
            "telnyx",
            settings.url,
            token=settings.api_key,
            timeout=settings.timeout,
            explain=_explain,
            reset="seconds",
            wire=wire,
        )

    def search(self, filters: Mapping[str, str | int]) -> list[str]:
        """Numbers on offer, in E.164. Nobody holds them for us."""
        answer = mapping(self.client.read("available_phone_numbers", "/available_phone_numbers", filters).body)
        if not isinstance(answer.get("data"), list):
            raise self.client.strange("available_phone_numbers", "no data")
        return [one for row in mappings(answer["data"]) if (one := text(row.get("phone_number")))]

    # Numbers

    def numbers(self, filters: Mapping[str, str | int] | None = None) -> Iterator[Json]:
        """The numbers of the account that are still ours."""
        # Without this the whole listing is refused while messaging data cannot be had.
        tolerant = {"handle_messaging_profile_error": "true"}
        for row in self._rows("phone_numbers.list", "/phone_numbers", {**(filters or {}), **tolerant}):
            if row.get("phone_number") and text(row.get("status")) not in GONE:
                yield row

    def owned(self, e164: str) -> Json | None:
        """The number's resource, None where the account has it not (or not visibly yet)."""
        # Digits only: with a plus sign the answer is an empty list, which would read as "not owned".
        found = self.numbers({"filter[phone_number]": e164.removeprefix("+")})
        return next((row for row in found if row.get("phone_number") == e164), None)

    def set_reference(self, number_id: str, reference: str) -> None:
        """Write our reference onto a number's resource."""
        path, body = f"/phone_numbers/{segment(number_id)}", {"customer_reference": reference}
        self.client.retry(lambda: self.client.send("phone_numbers.update", "PATCH", path, body=body), idempotent=True)

    # Orders

    def place_order(self, body: Json) -> Order:
        """Order numbers."""
        step = "number_orders.create"
        return self._order(step, self.client.write(step, "POST", "/number_orders", body).body)

    def order(self, order_id: str) -> Order:
        """The order with its numbers."""
        step = "number_orders.get"
        return self._order(step, self.client.read(step, f"/number_orders/{segment(order_id)}").body)

    def settled(self, order: Order, e164: str) -> Order:
        """The order once this number in it is bought or refused. Raises ProviderTimeout after about 10 s."""
        for wait in ORDER_WAITS:
            if order.state(e164) != "pending":
                return order
            self.client.wire.sleep(wait)
            try:
                order = self.order(order.id)
            except ProviderRejected as error:
                # A new order may not be readable at once.
                if error.reason != "not_found":
                    raise
        if order.state(e164) == "pending":
            raise ProviderTimeout("telnyx", "number_orders.get", "the order is still pending")
        return order

    def orders(self, filters: Mapping[str, str | int], e164: str) -> list[Order]:
        """Orders that hold this number and have not failed, newest first."""
        found: list[Order] = []
        for order in self._detailed(filters):
            if e164 in order.numbers and order.state(e164) != "failure":
                found.append(order)
        return sorted(found, key=Order.age)

    def open_orders(self, e164: str) -> list[Order]:
        """Orders, whosever, by which the number may be about to become ours: pending ones and those just placed."""
        since = (datetime.now(UTC) - timedelta(seconds=RECENT)).strftime("%Y-%m-%dT%H:%M:%SZ")
        pending = self.orders({"filter[status]": "pending"}, e164)
        return pending or [one for one in self.orders({"filter[created_at][gt]": since}, e164) if one.age() < RECENT]

    def references(self, wanted: Iterable[str]) -> dict[str, str]:
        """The reference of the newest order of each of these numbers, as far as orders name them."""
        numbers, found = set(wanted), dict[str, str]()
        for order in self._detailed({}):
            for one in numbers.intersection(order.numbers):
                if order.reference and order.state(one) != "failure":
                    found.setdefault(one, order.reference)
            if len(found) == len(numbers):
                break
        return found

    def _detailed(self, filters: Mapping[str, str | int]) -> Iterator[Order]:
        reads = 0
        for row in self._rows("number_orders.list", "/number_orders", filters):
            order = _order(row)
            # A listing need not name the numbers.
            if not order.numbers and order.state("") != "failure" and reads < READ_ORDERS:
                reads += 1
                order = self.order(order.id)
            yield order

    def _order(self, step: str, body: object) -> Order:
        order = _order(mapping(mapping(body).get("data")))
        if not order.id:
            raise self.client.strange(step, "no order")
        return order

    # Messaging profiles

    def profile(self, name: str) -> str:
        """The id of the messaging profile of this name, made where there is none. Names are not unique: the oldest."""
        if name not in self.profiles:
            filters = {"filter[name][eq]": name}
            rows = self._rows("messaging_profiles.list", "/messaging_profiles", filters)
            same = [row for row in rows if row.get("name") == name and row.get("id")]
            same.sort(key=lambda row: (text(row.get("created_at")), text(row.get("id"))))
            self.profiles[name] = text(same[0].get("id")) if same else self._make_profile(name)
        return self.profiles[name]

    def _make_profile(self, name: str) -> str:
        step, body = "messaging_profiles.create", {"name": name, "whitelisted_destinations": ["US"]}
        answer = mapping(self.client.write(step, "POST", "/messaging_profiles", body).body)
        made = text(mapping(answer.get("data")).get("id"))
        if not made:
            raise self.client.strange(step, "no id")
        return made

    def _rows(self, step: str, path: str, filters: Mapping[str, str | int]) -> Iterator[Json]:
        """All pages, whatever size the server gives them."""
        seen, page = set[str](), 1
        while True:
            answer = self._page(step, path, filters, page)
            fresh = [row for row in mappings(answer["data"]) if text(row.get("id")) not in seen]
            seen.update(text(row.get("id")) for row in fresh)
            yield from fresh
            meta = mapping(answer.get("meta") or answer.get("metadata"))
            pages = number(meta.get("total_pages"))
            # Without a total, a page that brings nothing new is the end; so it is where a server ignores the number.
            if (page >= pages) if pages is not None else (not fresh):
                return
            page += 1

    def _page(self, step: str, path: str, filters: Mapping[str, str | int], page: int) -> Json:
        paging: dict[str, str | int] = {"page[number]": page}
        if self._page_size:
            paging["page[size]"] = self._page_size
        try:
            answer = mapping(self.client.read(step, path, {**filters, **paging}).body)
        except ProviderRejected as error:
            # The greatest size is not documented for certain; the default is always right.
            if error.reason != "invalid" or not self._page_size or page > 1:
                raise
            self._page_size = 0
            return self._page(step, path, filters, page)
        if not isinstance(answer.get("data"), list):
            raise self.client.strange(step, "no data")
        return answer


def _order(row: Json) -> Order:
    numbers = {text(one.get("phone_number")): text(one.get("status")) for one in mappings(row.get("phone_numbers"))}
    return Order(
        text(row.get("id")),
        text(row.get("customer_reference")),
        text(row.get("status")),
        moment(row.get("created_at")),
        numbers,
    )


def _explain(status: int, body: object) -> Said:
    errors = mappings(mapping(body).get("errors"))
    first = next((one for one in errors if text(one.get("code")) in _CODES), errors[0] if errors else {})
    code = text(first.get("code"))
    kind = _CODES.get(code)
    if kind is None and status == 409:
        kind = "taken"
    said = ": ".join(one for one in (text(first.get("title")), text(first.get("detail"))) if one)
    return Said(kind, code, said)
