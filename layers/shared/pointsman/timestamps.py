"""The format of timestamps that clients see."""

from datetime import UTC, datetime

__all__ = ["format_timestamp"]


def format_timestamp(moment: datetime) -> str:
    """Return ISO 8601 with milliseconds in UTC, ending in Z (contract, events of a prompt)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
