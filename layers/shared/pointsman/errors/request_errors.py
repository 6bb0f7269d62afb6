"""Errors of a request that has to change, or to wait: 4xx."""

from collections.abc import Mapping, Sequence

from .base import Issue, PointsmanError, limit_issues

__all__ = [
    "ApprovalRequired",
    "AuthRequired",
    "Conflict",
    "ConversationBusy",
    "DestroysHeld",
    "FeatureUnavailable",
    "FleetLimitReached",
    "Forbidden",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "InstanceBusy",
    "InvalidInput",
    "InvalidToolInput",
    "LeftoversRemain",
    "NotFound",
    "PayloadTooLarge",
    "PromptNotFound",
    "QuotaExceeded",
    "RateLimited",
    "ToolNotFound",
    "Unauthenticated",
    "WebhookLimitReached",
]


class InvalidInput(PointsmanError):
    """A request that the caller must change."""

    status, code = 400, "INVALID_INPUT"


class InvalidToolInput(PointsmanError):
    """An input of a tool, or a body of a plugin's route, that does not fit its model.

    `issues` hold no values. They are the first ones, with a last one that counts the others.
    """

    status, code = 422, "VALIDATION_ERROR"

    def __init__(self, message: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.issues: list[Issue] = limit_issues(issues)


class FeatureUnavailable(PointsmanError):
    """A request for a feature of a plugin that is not registered."""

    status, code = 422, "FEATURE_UNAVAILABLE"


class Unauthenticated(PointsmanError):
    """A request without a valid credential."""

    status, code = 401, "UNAUTHENTICATED"


class AuthRequired(Unauthenticated):
    """A request to the Agent API whose caller is not identified."""

    code = "AUTH_REQUIRED"


class ApprovalRequired(PointsmanError):
    """A call of a tool that needs an approval, where nobody can give one."""

    status, code = 403, "APPROVAL_REQUIRED"


class Forbidden(PointsmanError):
    """A request that its caller may not make, or to an address that is not for clients."""

    status, code = 403, "FORBIDDEN"


class NotFound(PointsmanError):
    """A resource that does not exist, or that the caller may not see."""

    status, code = 404, "NOT_FOUND"


class ToolNotFound(NotFound):
    """A tool id that is not exposed."""

    code = "TOOL_NOT_FOUND"


class PromptNotFound(NotFound):
    """A prompt that is unknown, of another user, or not waiting for a decision on this call."""

    code = "PROMPT_NOT_FOUND"


class Conflict(PointsmanError):
    """A request that the present state does not allow."""

    status, code = 409, "CONFLICT"


class ConversationBusy(Conflict):
    """A conversation that has a running or waiting prompt already."""

    code, retryable = "CONVERSATION_BUSY", True


class InstanceBusy(Conflict):
    """An instance for which another operation is running; `operation_id` is that operation."""

    code, retryable = "BUSY", True

    def __init__(self, message: str, operation_id: str) -> None:
        super().__init__(message, details={"operationId": operation_id})
        self.operation_id = operation_id


class LeftoversRemain(Conflict):
    """An instance id of which something is left; `leaked_id` is the leaked create that may be retried now, if any."""

    code, retryable = "LEFTOVERS", True

    def __init__(self, message: str, *, details: Mapping[str, object], leaked_id: str | None) -> None:
        super().__init__(message, details=details)
        self.leaked_id = leaked_id


class FleetLimitReached(Conflict):
    """A create or provision for which the fleet has no room."""

    code = "FLEET_LIMIT"


class DestroysHeld(Conflict):
    """A destroy of a caller who has destroyed many instances in a short time. A confirmed one is not held."""

    code = "DESTROYS_HELD"


class WebhookLimitReached(Conflict):
    """A webhook more than its owner may have."""

    code = "WEBHOOK_LIMIT"


class IdempotencyKeyReused(Conflict):
    """An idempotency key that belongs to a different request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyInProgress(Conflict):
    """An idempotency key whose first request has no response yet."""

    code, retryable = "IDEMPOTENCY_IN_PROGRESS", True


class PayloadTooLarge(PointsmanError):
    """A request body over the limit."""

    status, code = 413, "PAYLOAD_TOO_LARGE"


class RateLimited(PointsmanError):
    """A caller that must slow down; also for the tools of plugins.

    `retry_after` is in seconds, and becomes the response's Retry-After; None if no time is known.
    """

    status, code, retryable = 429, "RATE_LIMITED", True

    def __init__(
        self, message: str, *, retry_after: int | None = None, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class QuotaExceeded(RateLimited):
    """A user, or all users together, who have used up a quota. `details` tell which one, and until when."""

    code = "QUOTA_EXCEEDED"
