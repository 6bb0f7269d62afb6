"""Plugin `time`: the current time."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from ..models import Input, Output, Timestamp
from ..plugin import NoConfig, Plugin, Prompt
from ..tool import Tool, ToolContext

__all__ = ["Time"]


def _load_zone(name: str) -> tzinfo:
    """Load a time zone by its IANA name, or raise ValueError. UTC needs no database, which the machine may lack."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown name; no valid name; a directory of the database
        raise ValueError(f"there is no time zone {name[:64]!r}; IANA's names are like UTC or Europe/Berlin") from None


def _validate_zone_name(name: str) -> str:
    _load_zone(name)
    return name


class NowInput(Input):
    timezone: Annotated[str, AfterValidator(_validate_zone_name)] = Field(
        "UTC", description="An IANA name, like Europe/Berlin"
    )


class NowOutput(Output):
    now: Timestamp = Field(description="ISO 8601 with milliseconds and the zone's offset")
    timezone: str


def _get_now(context: ToolContext[NowInput]) -> NowOutput:
    zone_name = context.input.timezone
    timestamp = datetime.now(_load_zone(zone_name)).isoformat(timespec="milliseconds")
    return NowOutput(
        now=timestamp.removesuffix("+00:00") + "Z" if zone_name == "UTC" else timestamp, timezone=zone_name
    )


class Time(Plugin[NoConfig]):
    """Tool `time.now`, for clients and for the model."""

    id = "time"
    tools = (
        Tool(
            "time.now",
            "The current date and time, in UTC or in another time zone",
            NowInput,
            NowOutput,
            _get_now,
            read_only=True,
            open_world=False,
            example={"timezone": "UTC"},
        ),
    )

    def prepare(self, prompt: Prompt) -> None:
        """Offer the tool to the model."""
        prompt.add_tools(*self.tools)
