"""OpenRouter: one inference key per instance, with a spending cap.

A key's secret is shown once, at its creation; so a key whose creation went unanswered cannot be used, only deleted.
Names are neither unique nor searchable: finding a key means reading the whole listing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..errors import InvalidInput, ProviderRejected
from ..settings.openrouter import OpenRouterSettings
from .base import Plan, Resource
from .http import Client, Said, Wire, segment
from .reading import Json, mapping, mappings, number, text

__all__ = ["Credits", "OpenRouter", "configured"]

SCANS = 3
"""How often a listing is read anew when keys came or went while it was read."""
_FACTS = (
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
    """The account's credits, bought and used, in USD."""

    total: float
    used: float


@lru_cache(maxsize=1)
def _built(settings: OpenRouterSettings) -> "OpenRouter":
    return OpenRouter(settings)


def configured() -> "OpenRouter | None":
    """The OpenRouter of the settings, one per process; None where no management key is set."""
    settings = OpenRouterSettings.load()
    return _built(settings) if settings else None


class OpenRouter:
    """Keys of the management key's default workspace. A resource's id is the key's hash."""

    adoptable = False

    def __init__(self, settings: OpenRouterSettings, wire: Wire | None = None) -> None:
        self._limit = settings.limit
        self._limit_reset = settings.limit_reset
        self._with_expired = True
        self.client = Client(
            "openrouter",
            settings.url,
            token=settings.management_key,
            timeout=settings.timeout,
            explain=_explain,
            wire=wire,
        )

    def plan(self, reference: str, incarnation: str) -> Plan:
        """The key's name. It is the same for each incarnation: every key of the name but the newest is a leftover."""
        del incarnation
        return {"name": reference}

    def create(self, plan: Plan, options: Mapping[str, object]) -> Resource:
        """Make a key. `options["limit"]` is its spending cap in USD, the settings' by default."""
        limit = self._limit if options.get("limit") is None else number(options["limit"])
        if limit is None or not 0 <= limit < float("inf"):
            raise InvalidInput("limit must be a number of USD of at least 0")
        body = {"name": plan["name"], "limit": limit, "limit_reset": self._limit_reset}
        answer = mapping(self.client.write("keys.create", "POST", "/keys", body).body)
        key, made = text(answer.get("key")), mapping(answer.get("data"))
        key_hash = text(made.get("hash"))
        if not key or not key_hash:
            raise self.client.strange("keys.create", "no key or no hash")
        return Resource(key_hash, plan["name"], {"OPENROUTER_API_KEY": key}, _facts(made))

    def find(self, plan: Plan) -> list[Resource]:
        """Every key of the plan's name, disabled and expired ones too."""
        return [resource for resource in self._keys() if resource.name == plan["name"]]

    def list(self) -> Iterator[Resource]:
        """Every key, with its cap and its usage in USD as `meta`. Read to the end before the first one is given, so
        that deleting on the way does not move what is still to be read."""
        return iter(self._keys())

    def exists(self, resource_id: str) -> bool:
        """Whether there is a key of this hash, disabled or not."""
        try:
            answer = mapping(self.client.read("keys.get", f"/keys/{segment(resource_id)}").body)
        except ProviderRejected as error:
            if error.reason != "not_found":
                raise
            return False
        return mapping(answer.get("data")).get("hash") == resource_id

    def delete(self, resource_id: str) -> bool:
        """Revoke the key of this hash."""
        return self.client.remove("keys.delete", f"/keys/{segment(resource_id)}", proof="/keys") != "gone"

    def credits(self) -> Credits:
        """The account's credits."""
        said = mapping(mapping(self.client.read("credits", "/credits").body).get("data"))
        total, used = number(said.get("total_credits")), number(said.get("total_usage"))
        if total is None or used is None:
            raise self.client.strange("credits", "no total_credits or no total_usage")
        return Credits(total, used)

    def _keys(self) -> "list[Resource]":
        """All keys. Where keys came or went during a scan, some may have been passed over: then there is another one,
        and what any of them saw counts."""
        found: dict[str, Resource] = {}
        for _ in range(SCANS):
            if self._scan(found):
                break
        return [*found.values()]

    def _scan(self, found: dict[str, Resource]) -> bool:
        """Read to the end; False if the rows moved meanwhile. Each page is asked to begin with the last row of the one
        before, which shows that, and only a page without anything else is the end, whatever size pages have."""
        last, offset, still = "", 0, True
        while True:
            rows = [row for row in self._page(offset) if row.get("hash")]
            if last and (not rows or rows[0]["hash"] != last):
                still = False
            for row in rows:
                found[text(row["hash"])] = _resource(row)
            if len(rows) <= bool(last):
                return still
            last, offset = text(rows[-1]["hash"]), offset + len(rows) - 1

    def _page(self, offset: int) -> "list[Json]":
        params: dict[str, str | int] = {"offset": offset, "include_disabled": "true"}
        if self._with_expired:
            params["include_expired"] = "true"
        try:
            answer = mapping(self.client.read("keys.list", "/keys", params).body)
        except ProviderRejected as error:
            # Not every published version of the API knows this parameter.
            if error.reason != "invalid" or not self._with_expired:
                raise
            self._with_expired = False
            return self._page(offset)
        if not isinstance(answer.get("data"), list):
            raise self.client.strange("keys.list", "no data")
        return mappings(answer["data"])


def _resource(row: Json) -> Resource:
    return Resource(text(row.get("hash")), text(row.get("name")), meta=_facts(row))


def _facts(row: Json) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name in _FACTS
        if (value := row.get(name)) is not None
    }


def _explain(status: int, body: object) -> Said:
    error = mapping(mapping(body).get("error"))
    kind = mapping(error.get("metadata")).get("error_type")
    code = text(kind) or text(error.get("code"))
    said = "throttled" if code == "rate_limit_exceeded" else None
    return Said("taken" if status == 409 else said, code, text(error.get("message")))
