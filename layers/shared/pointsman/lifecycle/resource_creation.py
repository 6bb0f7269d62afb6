"""The journal around a call that makes something: the intent before it, what became of it after."""

from collections.abc import Mapping

from ..db import connection, journal
from ..errors import ProviderError, ProviderTimeout, ProviderUnavailable

__all__ = ["record_created", "record_failed_attempt", "record_intent"]


def record_intent(
    operation_id: str, provider: str, kind: journal.ResourceKind, plan: Mapping[str, str]
) -> journal.Entry:
    """Write down what is about to be made. Raises Conflict where the operation makes nothing any more."""
    return connection.run_in_transaction(journal.record_intent, operation_id, provider, kind, plan)


def record_created(
    entry: journal.Entry,
    resource_id: str,
    *,
    env: Mapping[str, str] | None = None,
    meta: Mapping[str, str] | None = None,
) -> None:
    """Write down that it exists. Raises Conflict where a later attempt has taken the entry over."""
    connection.run_in_transaction(journal.record_created, entry, resource_id, env=env, meta=meta)


def record_failed_attempt(entry: journal.Entry, error: ProviderError, earlier_outcome_unknown: bool) -> None:
    """After a failed call: close the entry if nothing can have been made, else leave it open, to be looked for.

    `cut_off`: an earlier attempt may have made it, whatever this one's failure says of itself.
    """
    if isinstance(error, ProviderTimeout) or (isinstance(error, ProviderUnavailable) and error.outcome_unknown):
        connection.run_in_transaction(journal.record_unknown_outcome, entry)
    elif not earlier_outcome_unknown:
        connection.run_in_transaction(journal.record_rejected, entry)
