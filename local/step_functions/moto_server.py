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
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import LambdaService, PayloadTooLarge, UnknownFunction
from local.loopback_http import open_loopback
from local.step_functions.moto_cache import install_caches
from local.template.aws_identifiers import ACCOUNT_ID, REGION
from local.template.intrinsics import load_yaml
from local.template.sam_template import StateMachine

ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/local"
_INVOKE_PATH = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations/?$")

_single_stack_lock = threading.Lock()

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _CoroutineSubmitter(Protocol):
    def __call__(
        self, coroutine: Coroutine[Any, Any, InvocationResult]
    ) -> "concurrent.futures.Future[InvocationResult]": ...


class _QuietRequestHandler(WSGIRequestHandler):
    """Keep-alive, and no line per request: the paths hold ids."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


class MotoServer:
    """moto behind one loopback port.

    The port is taken when the object is made; calls wait until `load` and `connect` have been called.

    Args:
        log: file for what the interpreter says of states that fail, as some do every day.
    """

    def __init__(self, log_path: Path) -> None:
        self._log_handler = logging.FileHandler(log_path, encoding="utf-8", delay=True)
        self._connected = threading.Event()
        self._moto_app: WsgiApp | None = None
        self._lambda_service: LambdaService | None = None
        self._submit: _CoroutineSubmitter | None = None
        self._holds_stack_lock = False
        self._stopped = False
        self._lifecycle_lock = threading.Lock()
        self._warm_up_lock = threading.Lock()
        self._server = make_server(
            "127.0.0.1", 0, self._handle_wsgi_request, threaded=True, request_handler=_QuietRequestHandler
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        # As many executions as are begun at once; werkzeug lets 128 wait, and those above are not heard for seconds.
        self._server.socket.listen(1024)
        self._thread = threading.Thread(target=self._server.serve_forever, name="moto", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def connect(self, lambda_service: LambdaService, loop: asyncio.AbstractEventLoop) -> None:
        """From here on, Lambda calls go to the service on its loop; those that came before have waited."""
        self._lambda_service = lambda_service

        def submit(coroutine: Coroutine[Any, Any, InvocationResult]) -> "concurrent.futures.Future[InvocationResult]":
            return asyncio.run_coroutine_threadsafe(coroutine, loop)

        self._submit = submit
        self._connected.set()

    def start(self, machines: Iterable[StateMachine]) -> None:
        """Import moto with its interpreter on (seconds of one core), start to serve, create the state machines.

        Raises:
            RunnerError: this process has a stack already.
            TemplateError: the interpreter does not take a definition.
        """
        if not _single_stack_lock.acquire(blocking=False):
            raise RunnerError("one process holds one stack: moto keeps its state in the process")
        self._holds_stack_lock = True
        moto_logger = logging.getLogger("moto")
        moto_logger.addHandler(self._log_handler)
        moto_logger.propagate = False
        # moto calls Lambda and everything else at this port, and a proxy for the outside world is not for that.
        os.environ["MOTO_PORT"] = str(self._server.server_port)
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1"]))
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        settings = cast("dict[str, dict[str, Any]]", default_user_config)
        settings["stepfunctions"]["execute_state_machine"] = True
        install_caches()
        self._moto_app = cast(WsgiApp, DomainDispatcherApplication(create_backend_app))
        with self._lifecycle_lock:
            if self._stopped:
                return
            self._thread.start()
        for machine in machines:
            body = {"name": machine.name, "definition": render_definition(machine), "roleArn": ROLE_ARN}
            self._call_step_functions("CreateStateMachine", body, machine.name)

    def stop(self) -> None:
        """Stop the executions under way, forget everything that moto holds, close the port."""
        with self._lifecycle_lock:
            self._stopped = True
        with self._warm_up_lock:
            pass  # What it made and deletes again would be gone under the hands of what follows.
        if self._thread.is_alive():
            # An execution that went on would call the next stack of this process.
            for machine in self._call_step_functions("ListStateMachines", {}, "AWS").get("stateMachines", []):
                query = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "RUNNING"}
                for execution in self._call_step_functions("ListExecutions", query, "AWS").get("executions", []):
                    self._call_step_functions("StopExecution", {"executionArn": execution["executionArn"]}, "AWS")
            _post(f"{self.url}/moto-api/reset", b"", {})
            self._server.shutdown()
        self._server.server_close()
        if self._holds_stack_lock:
            self._holds_stack_lock = False
            logging.getLogger("moto").removeHandler(self._log_handler)
            self._log_handler.close()
            _single_stack_lock.release()

    def update_state_machine(self, machine: StateMachine) -> None:
        """Put a changed definition in its place; executions under way keep the old one.

        Raises:
            TemplateError: the interpreter does not take the definition.
        """
        body = {"stateMachineArn": machine.arn, "definition": render_definition(machine)}
        self._call_step_functions("UpdateStateMachine", body, machine.name)

    def warm_up(self) -> None:
        """Let the interpreter and its Lambda client load what they load at their first use, which takes a second."""
        invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
        task = {**invoke, "Parameters": {"FunctionName": "no-such-function", "Payload.$": "$"}}
        body = {"name": "WarmUp", "definition": json.dumps({"StartAt": "Invoke", "States": {"Invoke": task}})}
        with self._warm_up_lock:
            if self._stopped:
                return
            created = self._call_step_functions("CreateStateMachine", {**body, "roleArn": ROLE_ARN}, "WarmUp")
            machine_reference = {"stateMachineArn": created["stateMachineArn"]}
            execution_arn = self._call_step_functions("StartExecution", {**machine_reference, "input": "{}"}, "WarmUp")[
                "executionArn"
            ]
            deadline = time.monotonic() + 10
            while (
                self._call_step_functions("DescribeExecution", {"executionArn": execution_arn}, "WarmUp")["status"]
                == "RUNNING"
            ):
                if self._stopped or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            self._call_step_functions("DeleteStateMachine", machine_reference, "WarmUp")

    def _call_step_functions(self, action: str, body: Mapping[str, str], error_subject: str) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AWSStepFunctions.{action}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20200101/{REGION}/states/aws4_request",
        }
        try:
            return cast("dict[str, Any]", json.loads(_post(self.url, json.dumps(body).encode(), headers) or b"{}"))
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise TemplateError(
                f"{error_subject}: Step Functions does not take its definition: {_parse_error_message(text)}"
            ) from None

    def _handle_wsgi_request(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match = _INVOKE_PATH.match(environ.get("PATH_INFO", ""))
        if match is not None:
            return self._handle_invoke(urllib.parse.unquote(match.group(1)), environ, start_response)
        assert self._moto_app is not None
        return self._moto_app(environ, start_response)

    def _handle_invoke(self, name: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._connected.wait()
        assert self._lambda_service is not None
        assert self._submit is not None
        payload = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}"
        try:
            future = self._submit(self._lambda_service.invoke(name, payload))
            if environ.get("HTTP_X_AMZ_INVOCATION_TYPE") == "Event":
                start_response("202 Accepted", [("Content-Length", "0")])
                return []
            result = future.result()
        except UnknownFunction as error:
            return _respond_with_error(start_response, "404 Not Found", "ResourceNotFoundException", str(error))
        except PayloadTooLarge as error:
            return _respond_with_error(
                start_response, "413 Request Entity Too Large", "RequestTooLargeException", str(error)
            )
        except (RuntimeError, concurrent.futures.CancelledError):
            return _respond_with_error(
                start_response, "500 Internal Server Error", "ServiceException", "The runner is stopping"
            )
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


def render_definition(machine: StateMachine) -> str:
    """A state machine's definition as JSON, its `${Name}` placeholders filled in.

    Raises:
        TemplateError: a placeholder has no substitution.
    """
    document = load_yaml(machine.definition_path)

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


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - http, ours
    with open_loopback(request, timeout=30) as response:
        return response.read()


def _respond_with_error(start_response: Callable[..., Any], status: str, code: str, message: str) -> Iterable[bytes]:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
    start_response(status, headers)
    return [body]


def _parse_error_message(text: str) -> str:
    try:
        return str(json.loads(text).get("message") or text)
    except (ValueError, AttributeError):
        return " ".join(text.split()) or "no reason given"
