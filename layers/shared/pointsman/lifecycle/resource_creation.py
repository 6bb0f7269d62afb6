"""Creation of one resource at a provider, with the resource journal written around the provider's call.

The intent is committed before the call, with the begin of the step's attempt where its plan is known by then, and the
outcome after it, with the attempt's end. So after a crash at any line the journal names everything that may exist, and
the next attempt adopts it instead of creating a second one.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from ..db import journal
from ..db.connection import run_in_transaction
from ..db.step_attempts import StepAttempt
from ..errors import ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from ..providers.base import Plan, ProviderResource
from .resource_lookup import find_until_settled

__all__ = ["SettlePolicy", "ensure_resource"]

SettlePolicy = Literal["before_create", "after_rejection", "never"]
"""When to poll for what an earlier attempt with an unknown outcome may have created.

`before_create`: before the next call; a second resource is never created. `after_rejection`: look once, call, and poll
only if the provider rejects the call, because what it conflicts with may be the unlisted resource. `never`: look once.
"""


def ensure_resource(
    attempt: StepAttempt,
    provider: str,
    kind: journal.ResourceKind,
    *,
    plan: Callable[[], Plan],
    find: Callable[[journal.Entry], Iterable[ProviderResource]],
    create: Callable[[Plan], ProviderResource],
    settle: SettlePolicy,
) -> str:
    """Create the operation's resource of this kind, or adopt the one that an earlier attempt created.

    The journal entry is completed when the attempt ends.

    Args:
        attempt: the attempt of the step that creates the resource. Its intent, if it has one, is for this resource.
        provider: the provider's id: `railway` or a tool's id.
        kind: the entry's kind: `service`, `volume`, `domain` or `tool`.
        plan: makes the plan of a new entry. An attempt with an unknown outcome is repeated with its own plan.
        find: lists what the entry's earlier attempt created and can be adopted.
        create: calls the provider.
        settle: when to wait for lagging listings.

    Returns:
        The resource's id.

    Raises:
        Conflict: the operation has ended or is being compensated.
        ProviderError: the call failed. The entry stays open if the resource may exist, else it is closed.
    """
    operation_id = attempt.operation.id
    earlier_attempt = attempt.find_entry(provider, kind)
    if earlier_attempt and earlier_attempt.state == "created" and earlier_attempt.resource_id:
        return earlier_attempt.resource_id
    resource: ProviderResource | None = None
    outcome_unknown = earlier_attempt is not None
    if earlier_attempt and settle == "before_create":
        resource = find_until_settled(earlier_attempt, lambda: find(earlier_attempt))
        outcome_unknown = False
    elif earlier_attempt:
        resource = next(iter(find(earlier_attempt)), None)
    entry = attempt.take_intent() or _record_intent(
        operation_id, provider, kind, earlier_attempt.plan if earlier_attempt else plan()
    )
    if resource is None:
        try:
            resource = create(entry.plan)
        except ProviderError as error:
            if outcome_unknown and settle == "after_rejection" and isinstance(error, ProviderRejected):
                resource = find_until_settled(entry, lambda: find(entry))
                outcome_unknown = False
            if resource is None:
                _record_failure(attempt, entry, error, outcome_unknown)
                raise
    attempt.write_at_end(journal.record_created, entry, resource.id, env=resource.env, meta=resource.meta)
    return resource.id


def _record_intent(
    operation_id: str, provider: str, kind: journal.ResourceKind, plan: Mapping[str, str]
) -> journal.Entry:
    return run_in_transaction(journal.record_intent, operation_id, provider, kind, plan)


def _record_failure(attempt: StepAttempt, entry: journal.Entry, error: ProviderError, outcome_unknown: bool) -> None:
    """Close the entry of a failed call if nothing can exist.

    Args:
        attempt: the attempt that made the call.
        entry: its entry.
        error: why the call failed.
        outcome_unknown: whether an earlier attempt may have created the resource.
    """
    if isinstance(error, ProviderTimeout) or (isinstance(error, ProviderUnavailable) and error.outcome_unknown):
        run_in_transaction(journal.record_unknown_outcome, entry)
    elif not outcome_unknown:
        run_in_transaction(journal.record_rejected, entry)
        attempt.entries = [other for other in attempt.entries if other.id != entry.id]
