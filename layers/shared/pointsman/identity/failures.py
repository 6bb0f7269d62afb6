"""Failures of an authorizer itself: it logs them, and its context tells the endpoints, which answer in their shape."""

from .. import log
from ..errors import SecretsUnavailable, SettingError
from .models import MISCONFIGURED, SECRETS_UNAVAILABLE

__all__ = ["report_failure"]


def report_failure(error: SettingError | SecretsUnavailable) -> str:
    """Log why nobody can be identified; returns the `problem` of the authorizer's context."""
    if isinstance(error, SecretsUnavailable):
        log.write("warning", "caller not identified", code=error.code, reason=error.message)
        return SECRETS_UNAVAILABLE
    from ..misconfiguration import report_misconfiguration

    report_misconfiguration(error)
    return MISCONFIGURED
