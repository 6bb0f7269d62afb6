"""OpenRouter: one inference key per instance, with a spending limit.

A key's secret is only in the response to its creation, so a key whose creation had an unknown outcome can only be
deleted. Names are neither unique nor searchable: a key is found by reading the whole listing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import InvalidInput, ProviderRejected
from ..http_transport import Transport
from ..json_values import JsonObject, as_number, as_object, as_rows, as_text
from ..settings.providers import OpenRouterSettings
from .base import Deletion, Plan, ProviderResource, ToolProvider, make_provider_getter
from .http_client import HttpClient
from .http_response import ErrorBody, quote_path_segment
from .listing_pages import count_pages

__all__ = ["Credits", "OpenRouterProvider", "get_provider"]

MAX_SCANS = 3
"""How often the listing is read if keys are added or deleted meanwhile."""
_METADATA_FIELDS = (
    "label",
    "limit",
    "limit_remaining",
    "limit_reset",
    "usage",
    "usage_daily",
    "usage_weekly",
    "usage_monthly",
    "disabled",
    "created_at",
    "expires_at",
)


@dataclass(frozen=True, slots=True)
class Credits:
    """The credits bought for the account and those used, in USD."""

    total: float
    used: float


class OpenRouterProvider(ToolProvider):
    """The tool provider of keys in the management key's default workspace. A resource id is a key's hash."""

    adoptable = False
    plans_offline = True

    def __init__(self, settings: OpenRouterSettings, transport: Transport | None = None) -> None:
        self._default_limit = settings.limit
        self._limit_reset = settings.limit_reset
        self._include_expired = True
        self.http_client = HttpClient(
            "openrouter",
            settings.url,
            token=settings.management_key,
            credential_setting="OPENROUTER_MANAGEMENT_KEY",
            timeout=settings.timeout,
            parse_error_body=_parse_error_body,
            transport=transport,
        )

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose the key's name. It is the same in each operation: all keys of the name but the newest are orphans."""
        del operation_id
        return {"name": reference}

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Create a key. `options["limit"]` is its spending limit in USD, by default that of the settings.

        Raises:
            InvalidInput: the limit is not a non-negative number.
        """
        limit = self._default_limit if options.get("limit") is None else as_number(options["limit"])
        if limit is None or not 0 <= limit < float("inf"):
            raise InvalidInput("limit must be a number of USD of at least 0")
        body = {"name": plan["name"], "limit": limit, "limit_reset": self._limit_reset}

        def parse_created(response: JsonObject) -> ProviderResource | None:
            key, row = as_text(response.get("key")), as_object(response.get("data"))
            key_hash, name = as_text(row.get("hash")), row.get("name", plan["name"])
            if not key or not key_hash or name != plan["name"]:
                return None
            return ProviderResource(key_hash, plan["name"], {"OPENROUTER_API_KEY": key}, _extract_metadata(row))

        return self.http_client.mutate("keys.create", "POST", "/keys", body, parse=parse_created)

    def find(self, plan: Plan) -> list[ProviderResource]:
        """Return all keys of the plan's name, also disabled and expired ones."""
        return [resource for resource in self._list_keys() if resource.name == plan["name"]]

    def list(self) -> Iterator[ProviderResource]:
        """Yield all keys, with limit and usage in USD in `meta`.

        The whole listing is read first, so that the caller may delete keys while iterating.
        """
        return iter(self._list_keys())

    def exists(self, resource_id: str) -> bool:
        """Whether a key of this hash exists, disabled or not."""

        def parse_key(response: JsonObject) -> bool | None:
            return as_object(response.get("data")).get("hash") == resource_id or None

        path = f"/keys/{quote_path_segment(resource_id)}"
        return self.http_client.find("keys.get", path, parse=parse_key, existing_path="/keys") is not None

    def start_deletion(self, resource_id: str, meta: Mapping[str, str]) -> Deletion:
        """Revoke the key of this hash, which its answer confirms, or else a look at the key."""
        del meta
        outcome = self.http_client.delete(
            "keys.delete",
            f"/keys/{quote_path_segment(resource_id)}",
            existing_path="/keys",
            classify=lambda response: "deleted" if as_object(response.body).get("deleted") is True else None,
            exists=lambda: self.exists(resource_id),
        )
        return Deletion(outcome != "gone", is_confirmed=True)

    def get_credits(self) -> Credits:
        """Return the account's credits."""

        def parse_credits(response: JsonObject) -> Credits | None:
            data = as_object(response.get("data"))
            total, used = as_number(data.get("total_credits")), as_number(data.get("total_usage"))
            return None if total is None or used is None else Credits(total, used)

        return self.http_client.get("credits", "/credits", parse=parse_credits)

    def _list_keys(self) -> "list[ProviderResource]":
        """Return the keys of all scans. A scan is repeated if rows moved meanwhile, since it may have skipped some."""
        found: dict[str, ProviderResource] = {}
        for _ in range(MAX_SCANS):
            if self._scan_keys(found):
                break
        return [*found.values()]

    def _scan_keys(self, found: dict[str, ProviderResource]) -> bool:
        """Read the listing to its end into `found`; False if rows moved meanwhile.

        Each page is requested from the offset of the previous page's last row: another row there shows that rows moved,
        and a page with no further row is the end, whatever the page size of the server.
        """
        last_hash, offset, is_stable = "", 0, True
        pages = count_pages(self.http_client, "keys.list")
        while True:
            next(pages)
            rows = self._get_page(offset)
            if last_hash and (not rows or rows[0]["hash"] != last_hash):
                is_stable = False
            for row in rows:
                found[as_text(row["hash"])] = _to_resource(row)
            if len(rows) <= bool(last_hash):
                return is_stable
            last_hash, offset = as_text(rows[-1]["hash"]), offset + len(rows) - 1

    def _get_page(self, offset: int) -> "list[JsonObject]":
        params: dict[str, str | int] = {"offset": offset, "include_disabled": "true"}
        if self._include_expired:
            params["include_expired"] = "true"
        try:
            return self.http_client.get(
                "keys.list", "/keys", params, parse=lambda response: as_rows(response.get("data"), "hash", "name")
            )
        except ProviderRejected as error:
            # Not every published version of the API has this parameter.
            if error.reason != "invalid" or not self._include_expired:
                raise
            self._include_expired = False
            return self._get_page(offset)


get_provider = make_provider_getter(OpenRouterSettings.load, OpenRouterProvider)
"""Return the provider of the settings, None if its tool is not configured."""


def _to_resource(row: JsonObject) -> ProviderResource:
    return ProviderResource(as_text(row.get("hash")), as_text(row.get("name")), meta=_extract_metadata(row))


def _extract_metadata(row: JsonObject) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name in _METADATA_FIELDS
        if (value := row.get(name)) is not None
    }


def _parse_error_body(status: int, body: object) -> ErrorBody:
    error = as_object(as_object(body).get("error"))
    error_type = as_object(error.get("metadata")).get("error_type")
    code = as_text(error_type) or as_text(error.get("code"))
    known_kind = "throttled" if code == "rate_limit_exceeded" else None
    return ErrorBody("taken" if status == 409 else known_kind, code, as_text(error.get("message")))
