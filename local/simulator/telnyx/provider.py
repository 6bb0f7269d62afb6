"""Telnyx's table of operations, its credentials and its rate-limit headers."""

from dataclasses import dataclass

from local.simulator.config import Config, TelnyxConfig
from local.simulator.limiter import Limiter
from local.simulator.rest import Operation, bearer
from local.simulator.shape import Failure, telnyx_failure
from local.simulator.state import State
from local.simulator.telnyx import numbers, orders, profiles, search
from local.simulator.wire import Call, Reply


@dataclass(frozen=True)
class Telnyx:
    name: str = "telnyx"
    base: str = "/telnyx/v2"
    operations: tuple[Operation, ...] = (
        Operation("numbers.search", "GET", "/available_phone_numbers", search.search),
        Operation("reservations.create", "POST", "/number_reservations", search.reserve),
        Operation("reservations.get", "GET", "/number_reservations/{id}", search.get_reservation),
        Operation("orders.create", "POST", "/number_orders", orders.create),
        Operation("orders.list", "GET", "/number_orders", orders.listing),
        Operation("orders.get", "GET", "/number_orders/{id}", orders.get),
        Operation("orders.update", "PATCH", "/number_orders/{id}", orders.patch),
        Operation("numbers.list", "GET", "/phone_numbers", numbers.listing),
        Operation("numbers.list_messaging", "GET", "/phone_numbers/messaging", numbers.list_messaging),
        Operation("numbers.get", "GET", "/phone_numbers/{id}", numbers.get),
        Operation("numbers.update", "PATCH", "/phone_numbers/{id}", numbers.patch),
        Operation("numbers.delete", "DELETE", "/phone_numbers/{id}", numbers.delete),
        Operation("numbers.get_messaging", "GET", "/phone_numbers/{id}/messaging", numbers.get_messaging),
        Operation("numbers.update_messaging", "PATCH", "/phone_numbers/{id}/messaging", numbers.patch_messaging),
        Operation("profiles.create", "POST", "/messaging_profiles", profiles.create),
        Operation("profiles.list", "GET", "/messaging_profiles", profiles.listing),
        Operation("profiles.get", "GET", "/messaging_profiles/{id}", profiles.get),
        Operation("profiles.update", "PATCH", "/messaging_profiles/{id}", profiles.patch),
        Operation("profiles.delete", "DELETE", "/messaging_profiles/{id}", profiles.delete),
    )

    def shape(self, failure: Failure) -> Reply:
        return telnyx_failure(failure)

    def settings(self, config: Config) -> TelnyxConfig:
        return config.telnyx

    def refusal(self, _state: State, config: Config, call: Call) -> Reply | None:
        token = bearer(call)
        return telnyx_failure(Failure(401)) if token is None or token in config.telnyx.refused_tokens else None

    def limit_headers(self, limiter: Limiter, _status: int) -> dict[str, str]:
        left = max(1, round(limiter.rule.window_s + 0.49)) if limiter.used else 1
        return {
            "x-ratelimit-limit": str(limiter.limit), "x-ratelimit-remaining": str(limiter.remaining),
            "x-ratelimit-reset": str(left),  # seconds until the reset, not a moment
        }  # fmt: skip
