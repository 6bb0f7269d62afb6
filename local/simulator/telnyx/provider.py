"""Telnyx's table of operations, authorization and rate-limit headers."""

from dataclasses import dataclass

from local.simulator.config import Config, TelnyxConfig
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.engine.rest import ApiOperation, get_bearer_token
from local.simulator.http.messages import ApiCall, Reply
from local.simulator.http.provider_errors import ErrorDetails, telnyx_error
from local.simulator.state.store import State
from local.simulator.telnyx import available_numbers, numbers, orders, profiles


@dataclass(frozen=True)
class SimulatedTelnyx:
    """Telnyx as a REST provider: Bearer tokens, and rate-limit headers on every response."""

    name: str = "telnyx"
    base_path: str = "/telnyx/v2"
    operations: tuple[ApiOperation, ...] = (
        ApiOperation("numbers.search", "GET", "/available_phone_numbers", available_numbers.search),
        ApiOperation("reservations.create", "POST", "/number_reservations", available_numbers.create_reservation),
        ApiOperation("reservations.get", "GET", "/number_reservations/{id}", available_numbers.get_reservation),
        ApiOperation("orders.create", "POST", "/number_orders", orders.create),
        ApiOperation("orders.list", "GET", "/number_orders", orders.list_orders),
        ApiOperation("orders.get", "GET", "/number_orders/{id}", orders.get),
        ApiOperation("orders.update", "PATCH", "/number_orders/{id}", orders.patch),
        ApiOperation("numbers.list", "GET", "/phone_numbers", numbers.list_numbers),
        ApiOperation("numbers.list_messaging", "GET", "/phone_numbers/messaging", numbers.list_messaging),
        ApiOperation("numbers.get", "GET", "/phone_numbers/{id}", numbers.get),
        ApiOperation("numbers.update", "PATCH", "/phone_numbers/{id}", numbers.patch),
        ApiOperation("numbers.delete", "DELETE", "/phone_numbers/{id}", numbers.delete),
        ApiOperation("numbers.get_messaging", "GET", "/phone_numbers/{id}/messaging", numbers.get_messaging),
        ApiOperation("numbers.update_messaging", "PATCH", "/phone_numbers/{id}/messaging", numbers.patch_messaging),
        ApiOperation("profiles.create", "POST", "/messaging_profiles", profiles.create),
        ApiOperation("profiles.list", "GET", "/messaging_profiles", profiles.list_profiles),
        ApiOperation("profiles.get", "GET", "/messaging_profiles/{id}", profiles.get),
        ApiOperation("profiles.update", "PATCH", "/messaging_profiles/{id}", profiles.patch),
        ApiOperation("profiles.delete", "DELETE", "/messaging_profiles/{id}", profiles.delete),
    )

    def render_error(self, failure: ErrorDetails) -> Reply:
        """Render an error in Telnyx's shape."""
        return telnyx_error(failure)

    def select_config(self, config: Config) -> TelnyxConfig:
        """Select Telnyx's part of the configuration."""
        return config.telnyx

    def authorize(self, _state: State, config: Config, call: ApiCall) -> Reply | None:
        """Return 401 for a missing or refused token, None otherwise."""
        token = get_bearer_token(call)
        return telnyx_error(ErrorDetails(401)) if token is None or token in config.telnyx.refused_tokens else None

    def rate_limit_headers(self, limiter: RateLimiter, _status: int) -> dict[str, str]:
        """Build the headers of any response; `x-ratelimit-reset` is a duration in seconds."""
        reset_seconds = max(1, round(limiter.rule.window_s + 0.49)) if limiter.used else 1
        return {
            "x-ratelimit-limit": str(limiter.limit), "x-ratelimit-remaining": str(limiter.remaining),
            "x-ratelimit-reset": str(reset_seconds),  # seconds until the reset, not a timestamp
        }  # fmt: skip
