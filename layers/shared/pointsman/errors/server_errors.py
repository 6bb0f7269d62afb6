"""Errors of this bundle and of what it stands on: 5xx."""

from collections.abc import Mapping

from .base import PointsmanError

__all__ = [
    "AuthUnavailable",
    "CompositionError",
    "ConsoleUnavailable",
    "DatabaseUnavailable",
    "DocsUnavailable",
    "InvalidSetting",
    "MigrationFailed",
    "Misconfigured",
    "MissingSetting",
    "ModelFailed",
    "OperationFailed",
    "ResponseTooLarge",
    "RouteFailed",
    "SecretsUnavailable",
    "SettingError",
    "ToolFailed",
    "UnconfiguredTool",
    "UnderMaintenance",
    "UnreadableSecret",
]


class OperationFailed(PointsmanError):
    """An operation that failed. The message names the cause and what could not be deleted."""

    status, code = 500, "OPERATION_FAILED"


class SettingError(PointsmanError):
    """A setting that is missing or invalid; `name` is the variable or the secret. Clients get Misconfigured instead."""

    status, code = 503, "MISCONFIGURED"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class MissingSetting(SettingError):
    """A setting that this function needs is not set."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(name, f"The setting {name} is missing" + (f": {hint}" if hint else ""))


class UnconfiguredTool(MissingSetting):
    """A tool that this deployment does not have is needed. No misconfiguration: the client may read the message."""

    status, code = 500, "MISSING_SETTING"


class InvalidSetting(SettingError):
    """A setting has a value that is not allowed. `requirement` completes "it must be …"."""

    def __init__(self, name: str, requirement: str) -> None:
        super().__init__(name, f"The value of the setting {name} is wrong: it must be {requirement}")


class UnreadableSecret(SettingError):
    """A secret that is missing, forbidden or malformed; `name` is the secret's, `problem` follows it in the message."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, f"The secret {name} {problem}")


class Misconfigured(PointsmanError):
    """A setting or a secret is missing or wrong; the log names it, the message does not."""

    status, code = 503, "MISCONFIGURED"

    def __init__(self) -> None:
        super().__init__("A setting of this service is missing or wrong; its operator finds in the log which one")


class MigrationFailed(PointsmanError):
    """A migration that failed and changed nothing."""

    status, code = 500, "MIGRATION_FAILED"


class CompositionError(PointsmanError):
    """Plugins, tools or routes that do not fit together. Raised when a bundle is composed, never by a request."""

    status, code = 500, "COMPOSITION_ERROR"


class ToolFailed(PointsmanError):
    """A tool that raised, or whose result does not fit its output model."""

    status, code = 500, "TOOL_ERROR"


class RouteFailed(PointsmanError):
    """A plugin's route that raised, or whose result does not fit its output model."""

    status, code = 500, "ROUTE_ERROR"


class ResponseTooLarge(PointsmanError):
    """A response that is larger than a function can return. What the request asked for has been done."""

    status, code = 500, "RESPONSE_TOO_LARGE"


class ModelFailed(PointsmanError):
    """A model request without a usable response. `retry_after` is in seconds, None if the model's API named no time."""

    status, code = 502, "MODEL_ERROR"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.retryable = retryable
        self.retry_after = retry_after


class AuthUnavailable(PointsmanError):
    """An issuer of tokens whose keys cannot be fetched, so that no token can be verified."""

    status, code, retryable = 503, "AUTH_UNAVAILABLE", True


class DatabaseUnavailable(PointsmanError):
    """A database that cannot be reached, or that closed the connection."""

    status, code, retryable = 503, "DATABASE_UNAVAILABLE", True


class SecretsUnavailable(PointsmanError):
    """Secrets Manager does not answer, and the value is not cached."""

    status, code, retryable = 503, "SECRETS_UNAVAILABLE", True


class UnderMaintenance(PointsmanError):
    """A prompt, a create or a provision while operators have stopped new ones."""

    status, code, retryable = 503, "MAINTENANCE", True


class ConsoleUnavailable(PointsmanError):
    """The console's page, whose files were not packaged."""

    status, code = 503, "CONSOLE_UNAVAILABLE"


class DocsUnavailable(PointsmanError):
    """A documentation page whose assets were not packaged."""

    status, code = 503, "DOCS_UNAVAILABLE"
