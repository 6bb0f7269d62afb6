"""OpenRouter's spend: the account's credits, and each key's cap and usage. It never returns a key itself."""

from math import isfinite

from ..errors import UnconfiguredTool
from ..providers import openrouter
from ..providers.base import ProviderResource
from ..providers.registry import explain_unconfigured
from ..redaction import redact
from . import resource_names

__all__ = ["parse_amount", "read_spend"]


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
    total, used = parse_amount(credits.total), parse_amount(credits.used)
    remaining = None if total is None or used is None else parse_amount(round(total - used, 9))
    keys = [_describe_key(resource) for resource in account.list()]
    return {"credits": {"total": total, "used": used, "remaining": remaining}, "keys": keys}


def _describe_key(resource: ProviderResource) -> dict[str, object]:
    meta, instance_id = resource.meta, resource_names.parse_instance_id(resource.name)
    return {
        "id": resource.id,
        # Other keys' names are free text and may hold a secret.
        "name": resource.name if instance_id else redact(resource.name),
        "instanceId": instance_id or None,
        "limit": parse_amount(meta.get("limit")),
        "limitRemaining": parse_amount(meta.get("limit_remaining")),
        "limitReset": meta.get("limit_reset"),
        "usage": parse_amount(meta.get("usage")),
        "usageDaily": parse_amount(meta.get("usage_daily")),
        "usageWeekly": parse_amount(meta.get("usage_weekly")),
        "usageMonthly": parse_amount(meta.get("usage_monthly")),
        "disabled": {"true": True, "false": False}.get(meta.get("disabled", "")),
        "createdAt": meta.get("created_at"),
    }


def parse_amount(value: str | float | None) -> float | None:
    """Parse an amount in USD; None if it is none, or no finite double, which is all that JSON's readers can take."""
    try:
        number = float(value) if value is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None
