"""Settings of the fleet's limits; 0 is no limit."""

from dataclasses import dataclass

from .environment import read_number
from .providers import load_key_limit

__all__ = ["DestroyHold", "FleetLimits"]


@dataclass(frozen=True, slots=True)
class FleetLimits:
    """How large the fleet may become. `max_spend` and `default_cap`, of a key without a limit of its own, in USD."""

    max_instances: int
    max_spend: float
    default_cap: float

    @classmethod
    def load(cls) -> "FleetLimits":
        """Load them. Raises InvalidSetting."""
        return cls(
            max_instances=int(read_number("FLEET_MAX_INSTANCES", 1000)),
            max_spend=read_number("FLEET_MAX_SPEND_USD", 25_000),
            default_cap=load_key_limit(),
        )


@dataclass(frozen=True, slots=True)
class DestroyHold:
    """How many instances one caller may destroy in so many seconds without a confirmation."""

    max_count: int
    seconds: float

    @classmethod
    def load(cls) -> "DestroyHold":
        """Load them. Raises InvalidSetting."""
        return cls(
            max_count=int(read_number("DESTROY_HOLD_COUNT", 20)), seconds=60 * read_number("DESTROY_HOLD_MINUTES", 10)
        )
