"""The model's one endpoint: who may ask, what is wrong with a request, and the answer, whole or streamed."""

import json
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from local.simulator.config import Config, ModelConfig
from local.simulator.engine import Asked, Engine
from local.simulator.faults import Fault
from local.simulator.limiter import Limiter
from local.simulator.model.answer import response
from local.simulator.model.checks import refusal
from local.simulator.model.demo import improvised
from local.simulator.model.events import Chunk, chunks
from local.simulator.model.playing import Played
from local.simulator.model.question import question, shown
from local.simulator.model.refusal import Refusal
from local.simulator.model.script import ScriptedError, Turn
from local.simulator.rest import parsed
from local.simulator.shape import Failure, model_failure
from local.simulator.wire import Obj, Reply

BASE = "/model/v1"


def mount_model(app: FastAPI, engine: Engine) -> None:
    """Serve `POST /responses` below the base address; anything else there is a 404 in the model's shape."""

    def shape(failure: Failure) -> Reply:
        return model_failure(failure, engine.config.model.error_shape)

    def endpoint(operation: str) -> Callable[[Request], object]:
        async def ask(request: Request) -> Response:
            raw = await request.body()
            body, complaint = parsed(raw, request.headers.get("content-type"), request.method)
            headers = dict(request.headers)

            def work(now: float, _fault: Fault | None) -> Reply:
                if operation == "unknown":
                    return shape(Failure(404, f"Invalid URL ({request.method} {request.url.path})"))
                return _answer(engine, headers, body, complaint, now)

            asked = Asked(
                "model", (operation,), request.method, request.url.path,
                request.url.path + "\n" + raw.decode("utf-8", "replace"), sorted(headers), shown(body), False, work,
                shape, _settings, _limit_headers,
            )  # fmt: skip
            return await engine.answer(asked)

        return ask

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app.add_api_route(f"{BASE}/responses", endpoint("responses.create"), methods=["POST"], include_in_schema=False)
    app.add_api_route(f"{BASE}/{{rest:path}}", endpoint("unknown"), methods=methods, include_in_schema=False)


def _settings(config: Config) -> ModelConfig:
    return config.model


def _limit_headers(limiter: Limiter, _status: int) -> dict[str, str]:
    return {
        "x-request-id": "req_simulated", "x-ratelimit-limit-requests": str(limiter.limit),
        "x-ratelimit-remaining-requests": str(limiter.remaining), "x-ratelimit-reset-requests": "1s",
    }  # fmt: skip


def _answer(engine: Engine, headers: Mapping[str, str], body: Obj, complaint: str | None, now: float) -> Reply:
    config = engine.config.model
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() in config.refused_tokens:
        return model_failure(Failure(401), config.error_shape)
    if complaint is not None:
        return model_failure(Failure(400, complaint), config.error_shape)
    wrong = refusal(body, config)
    if wrong is not None:
        return _refused(wrong, config)
    asked = question(body)
    turn = engine.scripts.take(asked.prompt, asked.text, asked.number) or improvised(asked)
    latency = turn.latency_s + config.latency_s
    if turn.error is not None:
        return Played.after(_erring(turn.error, config), latency, engine.wait)
    whole = response(asked, turn, now)
    if asked.stream:
        sent = chunks(whole, turn, config)
        return Played(200, media_type="text/event-stream", latency_s=latency, chunks=tuple(sent), wait=engine.wait,
                      gap_s=turn.gap_s + config.gap_s, cut=turn.breaks == "dropped")  # fmt: skip
    return Played.after(_whole(whole, turn), latency, engine.wait)


def _whole(whole: Obj, turn: Turn) -> Reply:
    """The answer that is not streamed, with whatever breaks it."""
    if turn.breaks in ("error_event", "error_member"):
        error: Obj = {"code": turn.code, "message": "The model stopped answering."}
        return Reply(200, {**whole, "status": "failed", "output": [], "usage": None, "error": error})
    text = json.dumps(whole).encode()
    if turn.breaks == "truncated":
        return Played(200, chunks=(Chunk(text[: len(text) // 2]),))
    if turn.breaks == "dropped":
        return Played(200, chunks=(Chunk(text[: len(text) // 2]),), cut=True)
    return Reply(200, whole)


def _refused(wrong: Refusal, config: ModelConfig) -> Reply:
    reply = model_failure(Failure(wrong.status, wrong.message, wrong.code), config.error_shape, wrong.param)
    if config.error_shape == "openai" and wrong.code is None:
        error: Obj = {"message": wrong.message, "type": "invalid_request_error", "param": wrong.param, "code": None}
        return Reply(wrong.status, {"error": error}, reply.headers)
    return reply


def _erring(error: ScriptedError, config: ModelConfig) -> Reply:
    failure = Failure(error.status, error.message, error.code, error.retry_after)
    reply = model_failure(failure, config.error_shape)
    if error.should_retry is None:
        return reply
    return reply.with_headers({"x-should-retry": str(error.should_retry).lower()})
