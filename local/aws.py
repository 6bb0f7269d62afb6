"""AWS on one machine: moto's server in this process, its Step Functions interpreter on, its Lambda calls ours."""

import asyncio
import concurrent.futures
import json
import logging
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from werkzeug.serving import WSGIRequestHandler, make_server

from local.errors import RunnerError, TemplateError
from local.functions import LambdaService, PayloadTooLarge, UnknownFunction
from local.interpreter import remember
from local.intrinsics import ACCOUNT, REGION, load
from local.invocation import Result
from local.template import StateMachine

ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"
_INVOKE = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations/?$")

_only_one = threading.Lock()

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Submit(Protocol):
    def __call__(self, work: Coroutine[Any, Any, Result]) -> "concurrent.futures.Future[Result]": ...


class _Quiet(WSGIRequestHandler):
    """Keep-alive, and no line per request: the paths hold ids."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


class Aws:
    """moto behind one loopback port.

    The port is taken when the object is made; calls wait until `load` and `connect` have been called.

    Args:
        log: file for what the interpreter says of states that fail, as some do every day.
    """

    def __init__(self, log: Path) -> None:
        self._log = logging.FileHandler(log, encoding="utf-8", delay=True)
        self._connected = threading.Event()
        self._moto: WsgiApp | None = None
        self._lambda: LambdaService | None = None
        self._submit: _Submit | None = None
        self._holds = False
        self._stopped = False
        self._lifecycle = threading.Lock()
        self._warming = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        # As many executions as are begun at once; werkzeug lets 128 wait, and those above are not heard for seconds.
        self._server.socket.listen(1024)
        self._thread = threading.Thread(target=self._server.serve_forever, name="moto", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def connect(self, service: LambdaService, loop: asyncio.AbstractEventLoop) -> None:
        """From here on, Lambda calls go to the service on its loop; those that came before have waited."""
        self._lambda = service

        def submit(work: Coroutine[Any, Any, Result]) -> "concurrent.futures.Future[Result]":
            return asyncio.run_coroutine_threadsafe(work, loop)

        self._submit = submit
        self._connected.set()

    def load(self, machines: Iterable[StateMachine]) -> None:
        """Import moto with its interpreter on (seconds of one core), start to serve, create the state machines.

        Raises:
            RunnerError: this process has a stack already.
            TemplateError: the interpreter does not take a definition.
        """
        if not _only_one.acquire(blocking=False):
            raise RunnerError("one process holds one stack: moto keeps its state in the process")
        self._holds = True
        moto_logger = logging.getLogger("moto")
        moto_logger.addHandler(self._log)
        moto_logger.propagate = False
        # moto calls Lambda and everything else at this port, and a proxy for the outside world is not for that.
        os.environ["MOTO_PORT"] = str(self._server.server_port)
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1"]))
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        settings = cast("dict[str, dict[str, Any]]", default_user_config)
        settings["stepfunctions"]["execute_state_machine"] = True
        remember()
        self._moto = cast(WsgiApp, DomainDispatcherApplication(create_backend_app))
        with self._lifecycle:
            if self._stopped:
                return
            self._thread.start()
        for machine in machines:
            body = {"name": machine.name, "definition": definition(machine), "roleArn": ROLE}
            self._states("CreateStateMachine", body, machine.name)

    def stop(self) -> None:
        """Stop the executions under way, forget everything that moto holds, close the port."""
        with self._lifecycle:
            self._stopped = True
        with self._warming:
            pass  # What it made and deletes again would be gone under the hands of what follows.
        if self._thread.is_alive():
            # An execution that went on would call the next stack of this process.
            for machine in self._states("ListStateMachines", {}, "AWS").get("stateMachines", []):
                wanted = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "RUNNING"}
                for execution in self._states("ListExecutions", wanted, "AWS").get("executions", []):
                    self._states("StopExecution", {"executionArn": execution["executionArn"]}, "AWS")
            _open(f"{self.url}/moto-api/reset", b"", {})
            self._server.shutdown()
        self._server.server_close()
        if self._holds:
            self._holds = False
            logging.getLogger("moto").removeHandler(self._log)
            self._log.close()
            _only_one.release()

    def update_state_machine(self, machine: StateMachine) -> None:
        """Put a changed definition in its place; executions under way keep the old one.

        Raises:
            TemplateError: the interpreter does not take the definition.
        """
        body = {"stateMachineArn": machine.arn, "definition": definition(machine)}
        self._states("UpdateStateMachine", body, machine.name)

    def warm(self) -> None:
        """Let the interpreter and its Lambda client load what they load at their first use, which takes a second."""
        invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
        task = {**invoke, "Parameters": {"FunctionName": "no-such-function", "Payload.$": "$"}}
        body = {"name": "WarmUp", "definition": json.dumps({"StartAt": "Invoke", "States": {"Invoke": task}})}
        with self._warming:
            if self._stopped:
                return
            made = self._states("CreateStateMachine", {**body, "roleArn": ROLE}, "WarmUp")
            machine = {"stateMachineArn": made["stateMachineArn"]}
            execution = self._states("StartExecution", {**machine, "input": "{}"}, "WarmUp")["executionArn"]
            deadline = time.monotonic() + 10
            while self._states("DescribeExecution", {"executionArn": execution}, "WarmUp")["status"] == "RUNNING":
                if self._stopped or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            self._states("DeleteStateMachine", machine, "WarmUp")

    def _states(self, action: str, body: Mapping[str, str], name: str) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AWSStepFunctions.{action}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20200101/{REGION}/states/aws4_request",
        }
        try:
            return cast("dict[str, Any]", json.loads(_open(self.url, json.dumps(body).encode(), headers) or b"{}"))
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise TemplateError(f"{name}: Step Functions does not take its definition: {_message(text)}") from None

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match = _INVOKE.match(environ.get("PATH_INFO", ""))
        if match is not None:
            return self._invoke(urllib.parse.unquote(match.group(1)), environ, start_response)
        assert self._moto is not None
        return self._moto(environ, start_response)

    def _invoke(self, name: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._connected.wait()
        assert self._lambda is not None
        assert self._submit is not None
        payload = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}"
        try:
            running = self._submit(self._lambda.invoke(name, payload))
            if environ.get("HTTP_X_AMZ_INVOCATION_TYPE") == "Event":
                start_response("202 Accepted", [("Content-Length", "0")])
                return []
            result = running.result()
        except UnknownFunction as error:
            return _error(start_response, "404 Not Found", "ResourceNotFoundException", str(error))
        except PayloadTooLarge as error:
            return _error(start_response, "413 Request Entity Too Large", "RequestTooLargeException", str(error))
        except (RuntimeError, concurrent.futures.CancelledError):
            return _error(start_response, "500 Internal Server Error", "ServiceException", "The runner is stopping")
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(result.payload))),
            ("X-Amz-Executed-Version", "$LATEST"),
            ("x-amzn-RequestId", result.request_id),
        ]
        if result.error is not None:
            headers.append(("X-Amz-Function-Error", result.error))
        start_response("200 OK", headers)
        return [result.payload]


def definition(machine: StateMachine) -> str:
    """A state machine's definition as JSON, its `${Name}` placeholders filled in.

    Raises:
        TemplateError: a placeholder has no substitution.
    """
    document = load(machine.definition)

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in cast("dict[str, Any]", node).items()}
        if isinstance(node, list):
            return [fill(item) for item in cast("list[Any]", node)]
        return re.sub(r"\$\{([A-Za-z0-9_]+)\}", replace, node) if isinstance(node, str) else node

    def replace(match: "re.Match[str]") -> str:
        if match.group(1) not in machine.substitutions:
            raise TemplateError(f"{machine.name}: ${{{match.group(1)}}} has no DefinitionSubstitution")
        return machine.substitutions[match.group(1)]

    return json.dumps(fill(document), default=str)


def _open(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - http, ours
    # Without a proxy handler: the developer's proxy is not for loopback.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return cast(bytes, answer.read())


def _error(start_response: Callable[..., Any], status: str, code: str, message: str) -> Iterable[bytes]:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
    start_response(status, headers)
    return [body]


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message") or text)
    except (ValueError, AttributeError):
        return " ".join(text.split()) or "no reason given"
