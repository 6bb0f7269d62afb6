"""What a route of the Services API declares for the handler and for the OpenAPI document."""

from typing import Any, NamedTuple

from ..common import ROUTE_SPEC_KEY

__all__ = ["RouteSpec", "describe_route"]


class RouteSpec(NamedTuple):
    """A route's declaration; `describe_route` says what each field means."""

    response_model: type[Any]
    error_statuses: tuple[int, ...]
    starts_operation: bool
    accepts_idempotency_key: bool
    has_own_idempotency: bool


def describe_route(
    response_model: type[Any],
    *error_statuses: int,
    starts_operation: bool = False,
    accepts_idempotency_key: bool = False,
    has_own_idempotency: bool = False,
) -> dict[str, Any]:
    """Make the `openapi_extra` of a route.

    FastAPI's own `responses` would build a model of each at every cold start;
    pointsman.http.openapi.services_document reads the spec when the document is built.

    Args:
        response_model: the type of the body at 200.
        error_statuses: statuses of its errors besides 401 and 500, which every route has.
        starts_operation: whether it starts an operation, and so may answer 202.
        accepts_idempotency_key: whether it is served once per Idempotency-Key, and its response recorded.
        has_own_idempotency: whether it takes care of the key itself, because its response may hold a secret.
    """
    return {
        ROUTE_SPEC_KEY: RouteSpec(
            response_model, error_statuses, starts_operation, accepts_idempotency_key, has_own_idempotency
        )
    }
