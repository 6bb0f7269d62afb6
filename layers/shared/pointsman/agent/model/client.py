"""The model client: one request for one turn, streamed or plain, with retries."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import httpx

from ...errors import ModelFailed
from ...http_transport import TRANSPORT_FAILURES, RetryPolicy, Transport, call_with_retries, create_httpx_client
from ...json_values import JsonObject, as_object
from ...metrics import count_provider_call
from ...prompts.model_items import ModelItem
from ...settings.prompts import ModelSettings
from ...settings.secrets import refresh_secret
from ..json_schema import input_schema
from ..tool import AnyTool
from .errors import (
    RequestRedactor,
    error_from_http_status,
    error_from_transport,
    invalid_request_error,
    invalid_response_error,
    is_encrypted_reasoning_rejection,
)
from .response import ModelTurn, parse_turn
from .response_stream import TextCallback, TextRelay, read_response
from .sse_parser import iter_event_data
from .tool_names import ToolNameMap, sanitize_name

__all__ = ["ModelClient", "ModelLevel"]

ModelLevel = Literal["normal", "high"]

INITIAL_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0
"""A response with a longer Retry-After is not retried."""
_ENCRYPTED_REASONING = "reasoning.encrypted_content"


class ModelClient:
    """Client of an OpenAI-compatible Responses API. It connects at the first request."""

    def __init__(self, settings: ModelSettings, transport: Transport | None = None) -> None:
        self._settings = settings
        self._api_keys = [settings.api_key]
        """The key, last; before it those that it has replaced, for redaction."""
        self._transport = transport or Transport()
        self._http: httpx.Client | None = None
        self._models_without_encrypted_reasoning: set[str] = set()

    def close(self) -> None:
        """Close the connection. The next request opens a new one."""
        client, self._http = self._http, None
        if client is not None:
            client.close()

    def respond(
        self,
        items: Sequence[ModelItem],
        tools: Iterable[AnyTool] = (),
        instructions: str = "",
        level: ModelLevel = "normal",
        on_text: TextCallback | None = None,
    ) -> ModelTurn:
        """Request the model's next turn.

        A transient failure is retried with exponential backoff and jitter, up to 3 attempts. The delay is at least the
        response's Retry-After; one of more than 20 s is not waited for. No attempt starts later than the setting
        `timeout`, in seconds, after the first.

        Args:
            items: the whole history: user messages, items of earlier turns unchanged, outputs of their calls.
            tools: the tools that the model may call.
            instructions: the system instructions, if any.
            level: which of the two configured models to use.
            on_text: gets each text delta of a streamed response, and None when an attempt failed and the deltas so far
                are void. Without it the response is not streamed.

        Raises:
            ModelFailed: no attempt succeeded, or the failure is permanent. The deltas so far are void.
        """
        offered_tools = list(tools)
        names = ToolNameMap(tool.id for tool in offered_tools)
        body: dict[str, object] = {
            "model": self._settings.high if level == "high" else self._settings.normal,
            "input": [_sanitize_item(item) for item in items],
            "store": False,
        }
        if instructions:
            body["instructions"] = instructions
        if offered_tools:
            body["tools"] = [_build_function_tool(tool, names) for tool in offered_tools]
        relay = TextRelay(on_text)
        redactor = RequestRedactor(self._api_keys, items, instructions)
        turn = self._with_retries(
            lambda: parse_turn(self._fetch_response(body, relay, redactor), names, redactor), relay
        )
        if not relay.has_sent_text:
            relay.send_delta(None, turn.text)
        return turn

    def _with_retries(self, attempt: Callable[[], ModelTurn], relay: TextRelay) -> ModelTurn:
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
            RetryPolicy(INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS, deadline=self._settings.timeout),
            self._transport,
            before_retry=relay.reset,
        )

    def _fetch_response(self, body: dict[str, object], relay: TextRelay, redactor: RequestRedactor) -> JsonObject:
        """Return the response of one attempt.

        It is requested again if the model rejects encrypted reasoning, and once if the API key was rotated.
        """
        model, is_repeated = str(body["model"]), False
        while True:
            with_encrypted_reasoning = model not in self._models_without_encrypted_reasoning
            extra: dict[str, object] = {"include": [_ENCRYPTED_REASONING]} if with_encrypted_reasoning else {}
            if relay.is_wanted:
                extra["stream"] = True
            http_response = self._send({**body, **extra})
            try:
                if 200 <= http_response.status_code < 300:
                    return self._parse_response(http_response, relay, redactor)
                error_body = _parse_json(b"".join(_iter_body(http_response)))
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

    def _parse_response(self, http_response: httpx.Response, relay: TextRelay, redactor: RequestRedactor) -> JsonObject:
        """Parse an SSE or a JSON response, whichever was requested: not every server can stream."""
        if "event-stream" in http_response.headers.get("content-type", ""):
            return read_response(
                self._skip_heartbeats(iter_event_data(_iter_body(http_response))),
                relay,
                redactor,
            )
        response = as_object(_parse_json(b"".join(_iter_body(http_response))))
        if not response:
            raise invalid_response_error(f"HTTP {http_response.status_code} without JSON")
        return response

    def _skip_heartbeats(self, stream: Iterator[str]) -> Iterator[str]:
        """Drop the stream's comments, which keep the connection alive. Fail if only they come for too long."""
        last_event_at = self._transport.clock()
        for data in stream:
            if data:
                yield data
                last_event_at = self._transport.clock()
            elif self._transport.clock() - last_event_at > self._settings.timeout:
                raise ModelFailed("The model did not answer to the end (only comments)", retryable=True)

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
            self._http = create_httpx_client(
                self._settings.url,
                {"Authorization": f"Bearer {self._api_keys[-1]}", "Content-Type": "application/json"},
                self._settings.timeout,
                self._transport,
            )
        return self._http


def _iter_body(http_response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from http_response.iter_bytes()
    except tuple(TRANSPORT_FAILURES) as error:
        raise error_from_transport(error) from None


def _parse_json(content: bytes) -> object:
    """Parse JSON; None if it is not valid."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
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


def _sanitize_item(item: ModelItem) -> ModelItem:
    """Return the item with a valid function name: the API rejects some names that a model has invented itself."""
    name = item.get("name")
    if item.get("type") == "function_call" and isinstance(name, str):
        return {**item, "name": sanitize_name(name)}
    return item
