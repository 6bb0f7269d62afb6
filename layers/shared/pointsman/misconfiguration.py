"""Reports of missing and wrong settings: a log line that names the setting, and the metric of MisconfiguredAlarm.

Whoever answers a client with Misconfigured, or lets a step or a run fail for a setting, reports it here: the client
does not learn which setting it is, the operator does. Loaded at the first report only.
"""

from contextlib import suppress
from typing import TypeVar

from . import log
from .errors import Misconfigured, SettingError, UnconfiguredTool
from .metrics import emit_metrics

__all__ = ["find_misconfiguration", "hide_setting", "report_misconfiguration"]

E = TypeVar("E", bound=BaseException)


def find_misconfiguration(error: BaseException | None) -> SettingError | None:
    """Return the error itself, or else its cause, if that is a setting that is missing or wrong."""
    for candidate in (error, error.__cause__ if error else None):
        if isinstance(candidate, SettingError) and not isinstance(candidate, UnconfiguredTool):
            return candidate
    return None


def hide_setting(error: E) -> E | Misconfigured:
    """Return the error as a client may see it: for a setting that is missing or wrong Misconfigured, after a report."""
    if misconfiguration := find_misconfiguration(error):
        report_misconfiguration(misconfiguration)
        return Misconfigured()
    return error


def report_misconfiguration(error: SettingError) -> None:
    """Log which setting is missing or wrong, and count it. Never raises."""
    log.write("error", "misconfigured", setting=error.name, reason=error.message)
    # The stack's name may be what is missing. Then the line in the log is all that can be had.
    with suppress(SettingError):
        emit_metrics({"Misconfigurations": 1})
