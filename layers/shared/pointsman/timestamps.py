"""The format of timestamps that clients see."""

from datetime import UTC, datetime

__all__ = ["format_optional_timestamp", "format_timestamp"]


def format_timestamp(moment: datetime) -> str:
    """Return ISO 8601 with milliseconds in UTC, ending in Z (contract, events of a prompt)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_optional_timestamp(moment: datetime | None) -> str | None:
    """Format a moment as `format_timestamp` does; None stays None."""
    return None if moment is None else format_timestamp(moment)
