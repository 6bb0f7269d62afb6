"""What OpenRouter has spent: the account's credits, and each key with its cap and usage. Never a key."""

from math import isfinite

from ..errors import MissingSetting
from ..providers import openrouter
from ..providers.base import ProviderResource
from ..redaction import redact
from . import resource_names

__all__ = ["read_spend"]


def read_spend() -> dict[str, object]:
    """The account's credits and every key with its cap and usage, in USD; None where a number is not known.

    Raises MissingSetting where OpenRouter is not configured, ProviderError where it cannot be read to the end.
    """
    account = openrouter.get_provider()
    if account is None:
        raise MissingSetting("OPENROUTER_MANAGEMENT_KEY")
    credits = account.get_credits()
    total, used = _parse_number(credits.total), _parse_number(credits.used)
    remaining = None if total is None or used is None else round(total - used, 9)
    keys = [_describe_key(resource) for resource in account.list()]
    return {"credits": {"total": total, "used": used, "remaining": remaining}, "keys": keys}


def _describe_key(resource: ProviderResource) -> dict[str, object]:
    meta, instance_id = resource.meta, resource_names.parse_instance_id(resource.name)
    return {
        "id": resource.id,
        # Names that are not ours are free text.
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
    """The number; None for what is none, and for what JSON cannot hold."""
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
