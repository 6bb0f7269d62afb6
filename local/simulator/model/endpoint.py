"""`POST /responses`: authorization, validation, and the response, as one body or as a stream."""

import json
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from local.simulator.config import Config, ModelConfig
from local.simulator.engine.engine import Engine, IncomingCall
from local.simulator.engine.faults import Fault
from local.simulator.engine.model_scripts import ScriptedError, ScriptedTurn
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.engine.rest import parse_json_body
from local.simulator.http.messages import Obj, Reply
from local.simulator.http.provider_errors import ErrorDetails, model_error
from local.simulator.model.demo_turns import build_demo_turn
from local.simulator.model.invalid_request import InvalidRequest
from local.simulator.model.request import parse_request, summarize_request
from local.simulator.model.request_validation import validate_request
from local.simulator.model.response import build_response, build_seal
from local.simulator.model.stream_events import Chunk, build_chunks
from local.simulator.model.timed_reply import TimedReply

BASE_PATH = "/model/v1"


def mount_model(app: FastAPI, engine: Engine) -> None:
    """Serve `POST /responses` below the base path; any other path gets a 404 in the model's shape."""

    def render_error(failure: ErrorDetails) -> Reply:
        return model_error(failure, engine.config.model.error_shape)

    def create_endpoint(operation: str) -> Callable[[Request], object]:
        async def handle_request(request: Request) -> Response:
            raw = await request.body()
            body, body_error = parse_json_body(raw, request.headers.get("content-type"), request.method)
            headers = dict(request.headers)

            def execute(now: float, _fault: Fault | None) -> Reply:
                if operation == "unknown":
                    return render_error(ErrorDetails(404, f"Invalid URL ({request.method} {request.url.path})"))
                return _create_response(engine, headers, body, body_error, now)

            incoming_call = IncomingCall(
                "model",
                (operation,),
                request.method,
                request.url.path,
                request.url.path + "\n" + raw.decode("utf-8", "replace"),
                sorted(headers),
                summarize_request(body),
                False,
                execute,
                render_error,
                _select_config,
                _rate_limit_headers,
            )
            return await engine.handle_call(incoming_call)

        return handle_request

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app.add_api_route(
        f"{BASE_PATH}/responses", create_endpoint("responses.create"), methods=["POST"], include_in_schema=False
    )
    app.add_api_route(
        f"{BASE_PATH}/{{rest:path}}", create_endpoint("unknown"), methods=methods, include_in_schema=False
    )


def _select_config(config: Config) -> ModelConfig:
    return config.model


def _rate_limit_headers(limiter: RateLimiter, _status: int) -> dict[str, str]:
    return {
        "x-request-id": "req_simulated", "x-ratelimit-limit-requests": str(limiter.limit),
        "x-ratelimit-remaining-requests": str(limiter.remaining), "x-ratelimit-reset-requests": "1s",
    }  # fmt: skip


def _create_response(
    engine: Engine, headers: Mapping[str, str], body: Obj, body_error: str | None, now: float
) -> Reply:
    config = engine.config.model
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() in config.refused_tokens:
        return model_error(ErrorDetails(401), config.error_shape)
    if body_error is not None:
        return model_error(ErrorDetails(400, body_error), config.error_shape)
    seal = build_seal(body.get("model"), key.strip(), config.organization)
    invalid_request = validate_request(body, config, seal)
    if invalid_request is not None:
        return _render_invalid_request(invalid_request, config)
    model_request = parse_request(body)
    turn = engine.scripts.select_turn(
        model_request.prompt_digest, model_request.user_text, model_request.turn_number
    ) or build_demo_turn(model_request)
    latency = turn.latency_s + config.latency_s
    if turn.error is not None:
        return TimedReply.delay(_render_scripted_error(turn.error, config), latency, engine.sleep)
    response_body = build_response(model_request, turn, now, seal)
    if model_request.stream:
        sent_chunks = build_chunks(response_body, turn, config)
        return TimedReply(
            200,
            media_type=config.stream_content_type,
            latency_s=latency,
            chunks=tuple(sent_chunks),
            wait=engine.sleep,
            gap_s=turn.gap_s + config.gap_s,
            should_drop=turn.breaks == "dropped",
        )
    return TimedReply.delay(_build_unstreamed_reply(response_body, turn), latency, engine.sleep)


def _build_unstreamed_reply(response_body: Obj, turn: ScriptedTurn) -> Reply:
    """Build the response as one body, with the turn's failure applied."""
    if turn.breaks in ("error_event", "error_member"):
        error: Obj = {"code": turn.code, "message": "The model stopped answering."}
        return Reply(200, {**response_body, "status": "failed", "output": [], "usage": None, "error": error})
    text = json.dumps(response_body).encode()
    if turn.breaks == "truncated":
        return TimedReply(200, chunks=(Chunk(text[: len(text) // 2]),))
    if turn.breaks == "dropped":
        return TimedReply(200, chunks=(Chunk(text[: len(text) // 2]),), should_drop=True)
    return Reply(200, response_body)


def _render_invalid_request(invalid_request: InvalidRequest, config: ModelConfig) -> Reply:
    reply = model_error(
        ErrorDetails(invalid_request.status, invalid_request.message, invalid_request.code),
        config.error_shape,
        invalid_request.param,
    )
    if config.error_shape == "openai" and invalid_request.code is None:
        error: Obj = {
            "message": invalid_request.message,
            "type": "invalid_request_error",
            "param": invalid_request.param,
            "code": None,
        }
        return Reply(invalid_request.status, {"error": error}, reply.headers)
    return reply


def _render_scripted_error(error: ScriptedError, config: ModelConfig) -> Reply:
    failure = ErrorDetails(error.status, error.message, error.code, error.retry_after)
    reply = model_error(failure, config.error_shape)
    if error.should_retry is None:
        return reply
    return reply.with_headers({"x-should-retry": str(error.should_retry).lower()})
