"""What OpenRouter has spent: the account's credits, and each key with its cap and usage. Never a key."""

from math import isfinite

from ..errors import MissingSetting
from ..providers import openrouter
from ..providers.base import Resource
from ..providers.masking import mask
from . import naming

__all__ = ["spending"]


def spending() -> dict[str, object]:
    """The account's credits and every key with its cap and usage, in USD; None where a number is not known.

    Raises MissingSetting where OpenRouter is not configured, ProviderError where it cannot be read to the end.
    """
    account = openrouter.configured()
    if account is None:
        raise MissingSetting("OPENROUTER_MANAGEMENT_KEY")
    credits = account.credits()
    total, used = _number(credits.total), _number(credits.used)
    remaining = None if total is None or used is None else round(total - used, 9)
    keys = [_key(resource) for resource in account.list()]
    return {"credits": {"total": total, "used": used, "remaining": remaining}, "keys": keys}


def _key(resource: Resource) -> dict[str, object]:
    meta, instance_id = resource.meta, naming.instance_of(resource.name)
    return {
        "id": resource.id,
        # Names that are not ours are free text.
        "name": resource.name if instance_id else mask(resource.name),
        "instanceId": instance_id or None,
        "limit": _number(meta.get("limit")),
        "limitRemaining": _number(meta.get("limit_remaining")),
        "limitReset": meta.get("limit_reset"),
        "usage": _number(meta.get("usage")),
        "usageDaily": _number(meta.get("usage_daily")),
        "usageWeekly": _number(meta.get("usage_weekly")),
        "usageMonthly": _number(meta.get("usage_monthly")),
        "disabled": {"true": True, "false": False}.get(meta.get("disabled", "")),
        "createdAt": meta.get("created_at"),
    }


def _number(value: str | float | None) -> float | None:
    """The number; None for what is none, and for what JSON cannot hold."""
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
