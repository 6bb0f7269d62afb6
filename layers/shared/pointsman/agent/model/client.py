"""The model client: one request for one turn, streamed or plain, with retries."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import httpx

from ...db.prompt_history import HistoryItem
from ...errors import ModelFailed
from ...http_transport import (
    TRANSPORT_FAILURES,
    RetryPolicy,
    Transport,
    call_with_retries,
    create_httpx_client,
    create_tls_context,
)
from ...json_values import JsonObject, as_object
from ...metrics import count_provider_call
from ...prompts.model_items import ModelItem
from ...settings.prompts import ModelSettings
from ...settings.secrets import refresh_secret
from ..json_schema import input_schema
from ..tool import AnyTool
from .errors import (
    ModelRefused,
    RequestRedactor,
    error_from_http_status,
    error_from_transport,
    invalid_request_error,
    invalid_response_error,
    is_encrypted_reasoning_rejection,
)
from .read_limits import AnswerTooLong
from .replay import Replay
from .response import ModelTurn, parse_turn
from .response_body import ResponseBody, parse_json
from .response_stream import TextCallback, TextRelay, read_response
from .tool_names import ToolNameMap
from .watched_transport import WatchedTransport

__all__ = ["ModelClient", "ModelLevel"]

ModelLevel = Literal["normal", "high"]

INITIAL_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0
"""A response with a longer Retry-After is not retried."""
_SLEEP_SLICE_SECONDS = 0.5
_ENCRYPTED_REASONING = "reasoning.encrypted_content"


class ModelClient:
    """Client of an OpenAI-compatible Responses API. It connects at the first request."""

    def __init__(self, settings: ModelSettings, transport: Transport | None = None) -> None:
        self._settings = settings
        self._api_keys = [settings.api_key]
        """The key, last; before it those that it has replaced, for redaction."""
        self._transport = transport or Transport()
        self._watch: Callable[[], None] = _watch_nothing
        self._http: httpx.Client | None = None
        self._models_without_encrypted_reasoning: set[str] = set()

    def close(self) -> None:
        """Close the connection. The next request opens a new one."""
        client, self._http = self._http, None
        if client is not None:
            client.close()

    def respond(
        self,
        history: Sequence[HistoryItem],
        tools: Iterable[AnyTool] = (),
        instructions: str = "",
        level: ModelLevel = "normal",
        on_text: TextCallback | None = None,
        watch: Callable[[], None] | None = None,
        *,
        is_shortened: bool = False,
    ) -> ModelTurn:
        """Request the model's next turn.

        A transient failure is retried with exponential backoff and jitter, up to 3 attempts. The delay is at least the
        response's Retry-After; one of more than 20 s is not waited for. No attempt starts later than the setting
        `timeout`, in seconds, after the first. After a refusal of the history, less of it is sent (`Replay`).

        Args:
            history: the history in order: user messages, items of earlier turns, outputs of their calls.
            tools: the tools that the model may call.
            instructions: the system instructions, if any.
            level: which of the two configured models to use.
            on_text: gets each text delta of a streamed response, and None when an attempt failed and the deltas so far
                are void. Without it the response is not streamed.
            watch: called at least twice a second while the model, or the next attempt, is waited for. What it raises
                ends the request.
            is_shortened: whether the conversation has more than the history; a note says so to the model.

        Raises:
            ModelFailed: no attempt succeeded, the failure is permanent, or the answer is over a limit (`read_limits`).
                The deltas so far are void.
        """
        self._watch = watch or _watch_nothing
        offered_tools = list(tools)
        names = ToolNameMap(tool.id for tool in offered_tools)
        body: dict[str, object] = {
            "model": self._settings.high if level == "high" else self._settings.normal,
            "store": False,
        }
        if instructions:
            body["instructions"] = instructions
        if offered_tools:
            body["tools"] = [_build_function_tool(tool, names) for tool in offered_tools]
        relay = TextRelay(on_text)
        redactor = RequestRedactor(self._api_keys, [row.item for row in history], instructions)
        replay, started_at = Replay(history, is_shortened=is_shortened), self._transport.clock()
        while True:
            try:
                turn = self._with_retries(
                    lambda: parse_turn(self._fetch_response(body, replay, relay, redactor), names, redactor),
                    relay,
                    started_at,
                )
            except ModelRefused as error:
                if self._transport.clock() - started_at > self._settings.timeout or not replay.reduce(error.refusal):
                    raise
                relay.reset()
                continue
            if not relay.has_sent_text:
                relay.send_delta(None, turn.text)
            origin = self._compute_origin(str(body["model"]))
            return replace(turn, origin=origin, refusals=dict(replay.refusals))

    def _with_retries(self, attempt: Callable[[], ModelTurn], relay: TextRelay, started_at: float) -> ModelTurn:
        def counted_attempt() -> ModelTurn:
            try:
                turn = attempt()
            except ModelFailed:
                count_provider_call("model", failed=True)
                raise
            count_provider_call("model", failed=False)
            return turn

        return call_with_retries(
            counted_attempt,
            RetryPolicy(
                INITIAL_BACKOFF_SECONDS,
                MAX_BACKOFF_SECONDS,
                deadline=self._settings.timeout - (self._transport.clock() - started_at),
            ),
            replace(self._transport, sleep=self._sleep),
            before_retry=relay.reset,
        )

    def _call_watch(self) -> None:
        """Call the watch of the present request, whichever that is."""
        self._watch()

    def _sleep(self, seconds: float) -> None:
        """Sleep, in slices if there is something to watch."""
        if self._watch is _watch_nothing:
            self._transport.sleep(seconds)
            return
        while seconds > 0:
            self._watch()
            self._transport.sleep(min(seconds, _SLEEP_SLICE_SECONDS))
            seconds -= _SLEEP_SLICE_SECONDS

    def _fetch_response(
        self, body: dict[str, object], replay: Replay, relay: TextRelay, redactor: RequestRedactor
    ) -> JsonObject:
        """Return the response of one attempt.

        It is requested again if the model rejects encrypted reasoning, and once if the API key was rotated.
        """
        model, is_repeated = str(body["model"]), False
        while True:
            with_encrypted_reasoning = model not in self._models_without_encrypted_reasoning
            extra: dict[str, object] = {"include": [_ENCRYPTED_REASONING]} if with_encrypted_reasoning else {}
            if relay.is_wanted:
                extra["stream"] = True
            http_response = self._send({**body, "input": replay.build_input(self._compute_origin(model)), **extra})
            try:
                content = ResponseBody(http_response, self._settings.timeout, self._transport.clock)
                if 200 <= http_response.status_code < 300:
                    return self._parse_response(content, relay, redactor)
                error_body = _parse_error_content(content)
            finally:
                http_response.close()
            if http_response.status_code == 401 and not is_repeated and self._take_over_rotated_key():
                is_repeated = True
                continue
            if not with_encrypted_reasoning or not is_encrypted_reasoning_rejection(
                http_response.status_code, error_body
            ):
                raise error_from_http_status(http_response.status_code, http_response.headers, error_body, redactor)
            self._models_without_encrypted_reasoning.add(model)

    def _compute_origin(self, model: str) -> str:
        """Compute what a model's items are bound to: a hash of the server, the model and the present key."""
        parts = json.dumps([self._settings.url.rstrip("/"), model, self._api_keys[-1]])
        return hashlib.sha256(parts.encode(errors="surrogatepass")).hexdigest()[:32]

    def _send(self, body: dict[str, object]) -> httpx.Response:
        try:
            http = self._open_client()
            # ASCII, because a lone surrogate in an item cannot be encoded as UTF-8.
            content = json.dumps(body).encode()
            headers = {"Accept": "text/event-stream, application/json" if "stream" in body else "application/json"}
            request = http.build_request("POST", f"{self._settings.url.rstrip('/')}/responses", content=content,
                                         headers=headers)  # fmt: skip
        except (TypeError, ValueError, RecursionError, httpx.InvalidURL):
            raise invalid_request_error() from None
        try:
            return http.send(request, stream=True)
        except tuple(TRANSPORT_FAILURES) as error:
            raise error_from_transport(error) from None

    def _parse_response(self, content: ResponseBody, relay: TextRelay, redactor: RequestRedactor) -> JsonObject:
        """Parse an SSE or a JSON response, whichever was requested: not every server can stream."""
        if content.is_event_stream():
            return read_response(content.iter_events(), relay, redactor)
        response = as_object(content.parse_json())
        if not response:
            raise invalid_response_error(f"HTTP {content.status} without JSON")
        return response

    def _take_over_rotated_key(self) -> bool:
        """Read the key again, since it was refused; whether there is another one, used from now on."""
        new_key = refresh_secret("MODEL_API_KEY", self._api_keys[-1])
        if not new_key:
            return False
        self.close()
        self._api_keys.append(new_key)
        return True

    def _open_client(self) -> httpx.Client:
        if self._http is None:
            transport = self._transport
            if transport.http_transport is None:
                tls_context = create_tls_context(verify=not self._settings.url.lower().startswith("http://"))
                transport = replace(transport, http_transport=WatchedTransport(self._call_watch, tls_context))
            self._http = create_httpx_client(
                self._settings.url,
                {
                    "Authorization": f"Bearer {self._api_keys[-1]}",
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                },
                self._settings.timeout,
                transport,
            )
        return self._http


def _watch_nothing() -> None:
    """Let the request take its time."""


def _parse_error_content(content: ResponseBody) -> object:
    """Parse an error's body, which may be a stream of one event; None if it is not JSON, or too long."""
    try:
        if not content.is_event_stream():
            return content.parse_json()
        events = (parse_json(data) for data in content.iter_events())
        return next((event for event in events if event), None)
    except AnswerTooLong:
        return None


def _build_function_tool(tool: AnyTool, names: ToolNameMap) -> ModelItem:
    """Describe a tool in the API's shape. Not strict: strict mode of the API rejects many valid schemas."""
    schema = {"type": "object", **input_schema(tool.input)}
    return {
        "type": "function",
        "name": names.to_function_name(tool.id),
        "description": tool.description,
        "parameters": schema,
        "strict": False,
    }
