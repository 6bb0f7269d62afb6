"""OpenRouter's spend: the account's credits, and each key's cap and usage. It never returns a key itself."""

from math import isfinite

from ..errors import UnconfiguredTool
from ..providers import openrouter
from ..providers.base import ProviderResource
from ..providers.registry import explain_unconfigured
from ..redaction import redact
from . import resource_names

__all__ = ["read_spend"]


def read_spend() -> dict[str, object]:
    """Read the account's credits and every key's cap and usage, in USD; None for a number that is unknown.

    Raises:
        UnconfiguredTool: OpenRouter is not configured.
        ProviderError: the keys could not be read completely.
    """
    account = openrouter.get_provider()
    if account is None:
        raise UnconfiguredTool("OPENROUTER_MANAGEMENT_KEY", explain_unconfigured("openrouter"))
    credits = account.get_credits()
    total, used = _parse_number(credits.total), _parse_number(credits.used)
    remaining = None if total is None or used is None else _parse_number(round(total - used, 9))
    keys = [_describe_key(resource) for resource in account.list()]
    return {"credits": {"total": total, "used": used, "remaining": remaining}, "keys": keys}


def _describe_key(resource: ProviderResource) -> dict[str, object]:
    meta, instance_id = resource.meta, resource_names.parse_instance_id(resource.name)
    return {
        "id": resource.id,
        # Other keys' names are free text and may hold a secret.
        "name": resource.name if instance_id else redact(resource.name),
        "instanceId": instance_id or None,
        "limit": _parse_number(meta.get("limit")),
        "limitRemaining": _parse_number(meta.get("limit_remaining")),
        "limitReset": meta.get("limit_reset"),
        "usage": _parse_number(meta.get("usage")),
        "usageDaily": _parse_number(meta.get("usage_daily")),
        "usageWeekly": _parse_number(meta.get("usage_weekly")),
        "usageMonthly": _parse_number(meta.get("usage_monthly")),
        "disabled": {"true": True, "false": False}.get(meta.get("disabled", "")),
        "createdAt": meta.get("created_at"),
    }


def _parse_number(value: str | float | None) -> float | None:
    """Parse a number; None if it is none, or no finite double, which is all that JSON's readers can take."""
    try:
        number = float(value) if value is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None
