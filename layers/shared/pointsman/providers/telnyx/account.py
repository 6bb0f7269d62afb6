"""The Telnyx API calls for numbers, number orders and messaging profiles, and the parsing of their responses."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ...errors import ProviderRejected, ProviderTimeout
from ...http_transport import Transport
from ...json_values import JsonObject, as_datetime, as_number, as_object, as_objects, as_rows, as_text
from ...settings.providers import TelnyxSettings
from ..http_client import HttpClient
from ..http_response import DeletionOutcome, ErrorBody, ErrorKind, ProviderResponse, quote_path_segment
from ..listing_pages import count_pages

__all__ = ["NumberOrder", "OrderState", "TelnyxAccount"]

PAGE_SIZE = 250
ORDER_POLL_DELAYS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 2.5, 2.5)
"""Seconds between polls of a pending order; 10 in all. Most orders are filled by the time of the first poll."""
RECENT_ORDER_SECONDS = 120.0
"""Age in seconds of an order up to which its number may not be listed yet."""
MAX_ORDER_READS = 50
"""How many orders a search reads one by one if the listing does not include their numbers."""

NOT_OWNED_STATUSES = frozenset({"deleted", "ported-out", "purchase-failed", "port-failed"})
"""Statuses of listed numbers that the account does not own (any more)."""

_KIND_BY_CODE: dict[str, ErrorKind] = {
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
class NumberOrder:
    """A number order. `numbers` maps each number (E.164) to its own status; it may be empty in a listing."""

    id: str
    reference: str
    status: str
    created_at: datetime | None
    numbers: Mapping[str, str]

    def purchase_state(self, number: str) -> OrderState:
        """Return the state of this number's purchase. An unknown status counts as pending."""
        statuses = (self.status, self.numbers.get(number, self.status))
        if any(re.match(r"fail|cancel|delet", status) for status in statuses):
            return "failure"
        return "success" if statuses == ("success", "success") else "pending"

    def age_seconds(self) -> float:
        """Return the seconds since the order was placed, 0 if the time is not known."""
        return (datetime.now(UTC) - self.created_at).total_seconds() if self.created_at else 0.0


class TelnyxAccount:
    """The client of a Telnyx account. All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout."""

    def __init__(self, settings: TelnyxSettings, transport: Transport | None = None) -> None:
        self.profile_ids: dict[str, str] = {}
        """Ids of messaging profiles by name: a cache of those looked up."""
        self._page_size = PAGE_SIZE
        self.http_client = HttpClient(
            "telnyx",
            settings.url,
            token=settings.api_key,
            credential_setting="TELNYX_API_KEY",
            timeout=settings.timeout,
            parse_error_body=_parse_error_body,
            rate_limit_reset_unit="seconds",
            transport=transport,
        )

    def search_available_numbers(self, filters: Mapping[str, str | int]) -> list[str]:
        """Return numbers for sale, in E.164. They are not reserved."""
        rows = self.http_client.get(
            "available_phone_numbers",
            "/available_phone_numbers",
            filters,
            parse=lambda response: as_rows(response.get("data"), "phone_number"),
        )
        return [as_text(row["phone_number"]) for row in rows]

    # Numbers

    def iter_numbers(self, filters: Mapping[str, str | int] | None = None) -> Iterator[JsonObject]:
        """Yield the numbers that the account owns."""
        # Without this filter the whole listing fails while Telnyx has no messaging data.
        tolerance_filter = {"handle_messaging_profile_error": "true"}
        filters = {**(filters or {}), **tolerance_filter}
        for row in self._iter_rows("phone_numbers.list", "/phone_numbers", filters, keys=("id", "phone_number")):
            if as_text(row.get("status")) not in NOT_OWNED_STATUSES:
                yield row

    def find_number(self, e164: str) -> JsonObject | None:
        """Return the number's resource, None if the account does not own it or it is not listed yet."""
        # Digits only: with a plus sign the response is an empty list, which would mean "not owned".
        found = self.iter_numbers({"filter[phone_number]": e164.removeprefix("+")})
        return next((row for row in found if row.get("phone_number") == e164), None)

    def set_reference(self, number_id: str, reference: str) -> None:
        """Set the `customer_reference` of a number's resource."""
        self.http_client.mutate(
            "phone_numbers.update",
            "PATCH",
            f"/phone_numbers/{quote_path_segment(number_id)}",
            {"customer_reference": reference},
            parse=lambda response: _parse_number(response, number_id),
            idempotent=True,
        )

    def number_exists(self, number_id: str) -> bool:
        """Whether the account owns the number of this id, by a request for it alone."""
        row = self.http_client.find(
            "phone_numbers.get",
            f"/phone_numbers/{quote_path_segment(number_id)}",
            parse=lambda response: _parse_number(response, number_id),
            existing_path="/phone_numbers",
        )
        return row is not None and as_text(row.get("status")) not in NOT_OWNED_STATUSES

    def delete_number(self, number_id: str) -> DeletionOutcome:
        """Delete the number of this id. Its answer, or else a look at the number, proves that it is deleted."""

        def classify(response: ProviderResponse) -> Literal["deleted"] | None:
            row = _parse_number(as_object(response.body), number_id)
            return "deleted" if row and row.get("status") == "deleted" else None

        return self.http_client.delete(
            "phone_numbers.delete",
            f"/phone_numbers/{quote_path_segment(number_id)}",
            existing_path="/phone_numbers",
            classify=classify,
            exists=lambda: self.number_exists(number_id),
        )

    # Orders

    def place_order(self, body: JsonObject, e164: str) -> NumberOrder:
        """Place a number order for this number; it has no idempotency key."""

        def parse_placed(response: JsonObject) -> NumberOrder | None:
            order = _parse_order(as_object(response.get("data")))
            return order if order.id and e164 in order.numbers else None

        return self.http_client.mutate("number_orders.create", "POST", "/number_orders", body, parse=parse_placed)

    def get_order(self, order_id: str) -> NumberOrder:
        """Return the order with its numbers."""

        def parse_read(response: JsonObject) -> NumberOrder | None:
            row = as_object(response.get("data"))
            order = _parse_order(row)
            is_complete = order.status and as_rows(row.get("phone_numbers")) is not None
            return order if order.id == order_id and is_complete else None

        path = f"/number_orders/{quote_path_segment(order_id)}"
        return self.http_client.get("number_orders.get", path, parse=parse_read)

    def wait_for_order(self, order: NumberOrder, e164: str) -> NumberOrder:
        """Poll the order until the purchase of this number has succeeded or failed.

        Raises:
            ProviderTimeout: also if it is still pending after about 10 s.
        """
        for poll_number in self.http_client.poll(ORDER_POLL_DELAYS):
            if poll_number > 0:
                order = self._reread_order(order)
            if order.purchase_state(e164) != "pending":
                return order
        raise ProviderTimeout("telnyx", "number_orders.get", "the order is still pending")

    def find_orders(self, filters: Mapping[str, str | int], e164: str) -> list[NumberOrder]:
        """Return the orders with this number that have not failed, newest first."""
        found = [
            order
            for order in self._iter_detailed_orders(filters)
            if e164 in order.numbers and order.purchase_state(e164) != "failure"
        ]
        return sorted(found, key=NumberOrder.age_seconds)

    def find_open_orders(self, e164: str) -> list[NumberOrder]:
        """Return the orders, of any reference, whose number may not be listed yet: pending or just placed."""
        created_after = (datetime.now(UTC) - timedelta(seconds=RECENT_ORDER_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        pending = self.find_orders({"filter[status]": "pending"}, e164)
        return pending or [
            order
            for order in self.find_orders({"filter[created_at][gt]": created_after}, e164)
            if order.age_seconds() < RECENT_ORDER_SECONDS
        ]

    def find_references(self, phone_numbers: Iterable[str]) -> dict[str, str]:
        """Return the reference of the newest order of each of these numbers that an order includes."""
        unresolved, found = set(phone_numbers), dict[str, str]()
        for order in self._iter_detailed_orders({}):
            for number in unresolved.intersection(order.numbers):
                if order.reference and order.purchase_state(number) != "failure":
                    found.setdefault(number, order.reference)
            if len(found) == len(unresolved):
                break
        return found

    def _reread_order(self, order: NumberOrder) -> NumberOrder:
        try:
            return self.get_order(order.id)
        except ProviderRejected as error:
            # A new order may not be readable at once.
            if error.reason != "not_found":
                raise
            return order

    def _iter_detailed_orders(self, filters: Mapping[str, str | int]) -> Iterator[NumberOrder]:
        reads = 0
        for row in self._iter_rows("number_orders.list", "/number_orders", filters, keys=("id", "status")):
            order = _parse_order(row)
            # A listing may omit the numbers.
            if not order.numbers and order.purchase_state("") != "failure" and reads < MAX_ORDER_READS:
                reads += 1
                order = self.get_order(order.id)
            yield order

    # Messaging profiles

    def get_or_create_profile(self, name: str) -> str:
        """Return the id of the oldest messaging profile of this name, and create one if there is none."""
        if name not in self.profile_ids:
            filters = {"filter[name][eq]": name}
            rows = self._iter_rows("messaging_profiles.list", "/messaging_profiles", filters, keys=("id", "name"))
            matching_rows = [row for row in rows if row.get("name") == name]
            matching_rows.sort(key=lambda row: (as_text(row.get("created_at")), as_text(row.get("id"))))
            self.profile_ids[name] = (
                as_text(matching_rows[0].get("id")) if matching_rows else self._create_profile(name)
            )
        return self.profile_ids[name]

    def _create_profile(self, name: str) -> str:
        body = {"name": name, "whitelisted_destinations": ["US"]}

        def parse_created(response: JsonObject) -> str | None:
            row = as_object(response.get("data"))
            return as_text(row.get("id")) if row.get("name", name) == name else None

        return self.http_client.mutate(
            "messaging_profiles.create",
            "POST",
            "/messaging_profiles",
            body,
            parse=lambda response: parse_created(response) or None,
        )

    def _iter_rows(
        self, step: str, path: str, filters: Mapping[str, str | int], *, keys: tuple[str, ...]
    ) -> Iterator[JsonObject]:
        """Yield the rows of all pages, each id once, whatever the page size of the server.

        Args:
            step: The call's name in errors.
            path: The listing's path.
            filters: Its query.
            keys: What every row has; a page with another row is no page of this listing.

        Raises:
            ProviderUnavailable: a page is malformed, or does not fit those before.
        """
        seen, total_pages = set[str](), None
        for page in count_pages(self.http_client, step):
            rows, total = self._get_page(step, path, filters, page, keys)
            if total is None and total_pages is not None:
                raise self.http_client.unexpected_response(step, "a page without the number of pages, unlike others")
            total_pages = total
            new_rows = [row for row in rows if as_text(row.get("id")) not in seen]
            seen.update(as_text(row.get("id")) for row in new_rows)
            yield from new_rows
            # Without a total, a page without new rows is the end; a server that ignores page numbers ends there too.
            if (page >= total_pages) if total_pages is not None else (not new_rows):
                return

    def _get_page(
        self, step: str, path: str, filters: Mapping[str, str | int], page: int, keys: tuple[str, ...]
    ) -> tuple[list[JsonObject], float | None]:
        """Read a page: its rows, and the number of pages if the response has it."""

        def parse_page(response: JsonObject) -> tuple[list[JsonObject], float | None] | None:
            rows = as_rows(response.get("data"), *keys)
            meta = as_object(response.get("meta") or response.get("metadata"))
            return None if rows is None else (rows, as_number(meta.get("total_pages")))

        paging: dict[str, str | int] = {"page[number]": page}
        if self._page_size:
            paging["page[size]"] = self._page_size
        try:
            return self.http_client.get(step, path, {**filters, **paging}, parse=parse_page)
        except ProviderRejected as error:
            # The documented maximum is not certain; the server's default always works.
            if error.reason != "invalid" or not self._page_size or page > 1:
                raise
            self._page_size = 0
            return self._get_page(step, path, filters, page, keys)


def _parse_number(response: JsonObject, number_id: str) -> JsonObject | None:
    """Return the number's resource in a response for this id, None if there is another or none."""
    row = as_object(response.get("data"))
    return row if row.get("id") == number_id else None


def _parse_order(row: JsonObject) -> NumberOrder:
    numbers = {
        as_text(entry.get("phone_number")): as_text(entry.get("status"))
        for entry in as_objects(row.get("phone_numbers"))
    }
    return NumberOrder(
        as_text(row.get("id")),
        as_text(row.get("customer_reference")),
        as_text(row.get("status")),
        as_datetime(row.get("created_at")),
        numbers,
    )


def _parse_error_body(status: int, body: object) -> ErrorBody:
    errors = as_objects(as_object(body).get("errors"))
    known_errors = [error for error in errors if as_text(error.get("code")) in _KIND_BY_CODE]
    error = as_object(next(iter(known_errors or errors), None))
    code = as_text(error.get("code"))
    kind = _KIND_BY_CODE.get(code)
    if kind is None and status == 409:
        kind = "taken"
    message = ": ".join(text for key in ("title", "detail") if (text := as_text(error.get(key))))
    return ErrorBody(kind, code, message)
