"""What a request of a chat protocol does: submit a message, answer approvals, or follow what a thread's prompt does.

Each action subscribes to the prompt and leases its stream; nothing has been sent yet.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import NamedTuple

from ...errors import Conflict, IdempotencyKeyReused, InvalidToolInput, PromptNotFound
from ...prompts import approvals, chat_threads
from ...prompts.event_subscription import BEGINNING, EventSubscription, StreamEvent
from ...prompts.queries import prompt_not_found
from ...prompts.stream_lease import StreamLease
from ...prompts.submission import start_prompt, submit_prompt
from .chat_request import ApprovalAnswer, ChatRequest, UserMessage, invalid_request
from .event_mapping import EventMapping, parse_approval_id
from .ui_message_chunks import UiMessageChunks

__all__ = ["FollowedPrompt", "User", "answer_approvals", "follow_thread", "submit_message"]

_DECISION_SECONDS = 1.0
"""How long the event of somebody else's decision may be on its way."""


class User(NamedTuple):
    """Who calls, and what the caller may do."""

    id: str
    permissions: tuple[str, ...]


class FollowedPrompt(NamedTuple):
    """A prompt that a response is about to show."""

    subscription: EventSubscription
    lease: StreamLease
    initial_events: list[StreamEvent]
    mapping: EventMapping


def submit_message(user: User, conversation_id: str, request: ChatRequest, message: UserMessage) -> FollowedPrompt:
    """Submit a message as a prompt of the conversation, or find the prompt that it was submitted as before.

    Raises:
        InvalidToolInput, IdempotencyKeyReused, NotFound, ConversationBusy, QuotaExceeded, UnderMaintenance,
        StepFunctionsError, DatabaseUnavailable: as `submit_prompt` and `start_prompt` do.
    """
    key = chat_threads.derive_idempotency_key(conversation_id, message.id)
    with _lease_stream(user, chat_threads.find_submitted_prompt(user.id, key)) as lease:
        try:
            submitted = submit_prompt(
                user.id,
                message.text,
                model=message.model,
                conversation_id=conversation_id,
                create_conversation=True,
                tokens=True,
                idempotency_key=key,
                permissions=user.permissions,
            )
        except IdempotencyKeyReused:
            text = "The message of this id was sent before with another text or model; send a change as a new message"
            raise IdempotencyKeyReused(text) from None
        except InvalidToolInput as error:
            raise invalid_request(error.issues[0]["message"], "messages") from None
        lease.prompt_id = submitted.id
        subscription = EventSubscription.open_before_start(user.id, submitted, BEGINNING, include_call_events=True)
        with _closed_on_error(subscription):
            start_prompt(submitted)
            mapping = request.create_mapping(submitted.id, ())
            return FollowedPrompt(subscription, lease, subscription.replay(), mapping)


def follow_thread(user: User, conversation_id: str) -> FollowedPrompt | None:
    """Follow the conversation's prompt from its beginning; None if none is active, and none has just ended.

    Raises:
        QuotaExceeded, DatabaseUnavailable: as `StreamLease.acquire` does.
    """
    prompt_id = chat_threads.find_current_prompt(user.id, conversation_id)
    if prompt_id is None:
        return None
    with _lease_stream(user, prompt_id) as lease:
        subscription = EventSubscription(user.id, prompt_id, BEGINNING, include_call_events=True)
        with _closed_on_error(subscription):
            return FollowedPrompt(subscription, lease, subscription.replay(), UiMessageChunks(prompt_id))


async def answer_approvals(user: User, conversation_id: str, request: ChatRequest) -> FollowedPrompt:
    """Decide about calls of a prompt, and follow the prompt from there on.

    The same answers again change nothing, so a request may be repeated.

    Raises:
        InvalidToolInput: the answers are about several prompts.
        PromptNotFound: the conversation has no such prompt, or that has no such approval.
        Conflict: a call was decided otherwise before.
        Forbidden: the user may not approve a call.
        QuotaExceeded, DatabaseUnavailable: as `StreamLease.acquire` does.
    """
    prompt_ids = {parse_approval_id(answer.approval_id)[0] for answer in request.answers}
    if len(prompt_ids) > 1:
        raise invalid_request("The answers of a request must be about one prompt; answer the others after it")
    prompt_id = prompt_ids.pop()
    if not chat_threads.is_prompt_of(user.id, conversation_id, prompt_id):
        raise prompt_not_found(prompt_id)
    call_ids = {answer.call_id for answer in request.answers}
    with _lease_stream(user, prompt_id) as lease:
        subscription = EventSubscription(user.id, prompt_id, BEGINNING, include_call_events=True)
        with _closed_on_error(subscription):
            events = subscription.replay()
            shown = _count_to_approvals(events, call_ids, prompt_id)
            for answer in request.answers:
                await _answer(user, subscription, events, answer)
            is_shown = call_ids <= {*request.shown_calls}
            mapping = request.create_mapping(prompt_id, call_ids if is_shown else ())
            mapping.ignore_approvals(call_ids)
            if is_shown:
                mapping.skip(events[:shown])
                events = events[shown:]
            return FollowedPrompt(subscription, lease, events, mapping)


async def _answer(
    user: User, subscription: EventSubscription, events: list[StreamEvent], answer: ApprovalAnswer
) -> None:
    """Decide about a call, unless it is decided; `events` gets those that have come meanwhile."""
    call_id = answer.call_id
    decision = _find_decision(events, call_id)
    if decision is None and not subscription.has_ended:
        try:
            approvals.decide(
                user.id,
                subscription.prompt_id,
                call_id,
                answer.is_approved is True,
                reason=answer.reason,
                permissions=user.permissions,
            )
        except PromptNotFound:
            # Somebody else has decided since, or the time is over.
            events += await subscription.wait_for_events(_DECISION_SECONDS)
            decision = _find_decision(events, call_id)
            if decision is None and not subscription.has_ended:
                raise
    given = {True: "approved", False: "rejected", None: decision}[answer.is_approved]
    if decision not in (None, "", given):
        raise Conflict(f"The approval of {call_id[:128]!r} is {decision} already")


def _find_decision(events: Iterable[StreamEvent], call_id: str) -> str | None:
    """Return how a call was decided; empty if only its result is known, None if it is open."""
    for event in events:
        if event.event == "prompt.decided" and event.data["toolCallId"] == call_id:
            return str(event.data["decision"])
        if event.event == "prompt.output" and event.data.get("id") == call_id:
            return ""
    return None


def _count_to_approvals(events: list[StreamEvent], call_ids: set[str], prompt_id: str) -> int:
    """Return how many events there are up to the approvals of all these calls."""
    indexes = {
        str(event.data["toolCallId"]): index for index, event in enumerate(events) if event.event == "prompt.approval"
    }
    if unknown := call_ids - indexes.keys():
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not ask for an approval of {min(unknown)[:128]!r}")
    return max(indexes[call_id] for call_id in call_ids) + 1


@contextmanager
def _lease_stream(user: User, prompt_id: str | None) -> Generator[StreamLease]:
    """Lease a stream, and release it if the block fails."""
    lease = StreamLease.acquire(user.id, prompt_id)
    try:
        yield lease
    except BaseException:
        lease.release()
        raise


@contextmanager
def _closed_on_error(subscription: EventSubscription) -> Generator[None]:
    try:
        yield
    except BaseException:
        subscription.close()
        raise
