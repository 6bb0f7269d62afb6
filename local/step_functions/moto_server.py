"""AWS's endpoint on this machine: moto interprets state machines, and its calls of Lambda go to the Lambda service."""

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
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, cast

from werkzeug.serving import WSGIRequestHandler, make_server

from local.errors import RunnerError, TemplateError
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import LambdaService
from local.loopback_http import open_loopback
from local.step_functions.definition import render_definition
from local.step_functions.direct_requests import serve_direct_requests
from local.step_functions.execution_retention import install_retention
from local.step_functions.lambda_calls import INVOKE_ERRORS, classify_invoke_error, connect_interpreter
from local.step_functions.moto_cache import install_caches
from local.template.aws_identifiers import ACCOUNT_ID, REGION
from local.template.sam_template import StateMachine

ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/local"
_INVOKE_PATH = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations/?$")

_single_stack_lock = threading.Lock()

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class StepFunctionsError(RunnerError):
    """Step Functions responded with an error."""


class _CoroutineSubmitter(Protocol):
    def __call__(
        self, coroutine: Coroutine[Any, Any, InvocationResult]
    ) -> "concurrent.futures.Future[InvocationResult]": ...


class _QuietRequestHandler(WSGIRequestHandler):
    """Keeps connections alive, and logs no request, because the paths contain ids."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Discard werkzeug's log line."""


class MotoServer:
    """moto's server on a loopback port, in this process.

    The port is bound by the constructor; Lambda calls wait until `connect` is called.

    Args:
        log_path: Log file of moto's interpreter, which logs every state that fails.
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
        # werkzeug's backlog of 128 is too small for hundreds of executions that start at once: a dropped SYN is
        # retransmitted only after a second.
        self._server.socket.listen(1024)
        self._thread = threading.Thread(target=self._server.serve_forever, name="moto", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def connect(self, lambda_service: LambdaService, loop: asyncio.AbstractEventLoop) -> None:
        """Send Lambda calls to the Lambda service, on its event loop; calls that arrived before have waited."""
        self._lambda_service = lambda_service

        def submit(coroutine: Coroutine[Any, Any, InvocationResult]) -> "concurrent.futures.Future[InvocationResult]":
            return asyncio.run_coroutine_threadsafe(coroutine, loop)

        self._submit = submit
        connect_interpreter(lambda name, payload: submit(lambda_service.invoke(name, payload)).result())
        self._connected.set()

    def start(self, machines: Iterable[StateMachine]) -> None:
        """Import moto, which takes seconds of one core, start to serve, and create the state machines.

        Raises:
            RunnerError: This process runs a stack already.
            TemplateError: The interpreter rejects a definition.
        """
        if not _single_stack_lock.acquire(blocking=False):
            raise RunnerError("one process holds one stack: moto keeps its state in the process")
        self._holds_stack_lock = True
        moto_logger = logging.getLogger("moto")
        moto_logger.addHandler(self._log_handler)
        moto_logger.propagate = False
        # moto's own clients call Lambda at MOTO_PORT; they must not use the developer's proxy for that.
        os.environ["MOTO_PORT"] = str(self._server.server_port)
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1"]))
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        settings = cast("dict[str, dict[str, Any]]", default_user_config)
        settings["stepfunctions"]["execute_state_machine"] = True
        install_caches()
        install_retention()
        self._moto_app = serve_direct_requests(cast(WsgiApp, DomainDispatcherApplication(create_backend_app)))
        with self._lifecycle_lock:
            if self._stopped:
                return
            self._thread.start()
        for machine in machines:
            self._submit_definition("CreateStateMachine", machine, {"name": machine.name, "roleArn": ROLE_ARN})

    def stop(self) -> None:
        """Stop the running executions, reset moto, close the port."""
        with self._lifecycle_lock:
            self._stopped = True
        # Wait for a warm-up in progress: a reset before its last call would make that call fail.
        with self._warm_up_lock:
            pass
        if self._thread.is_alive():
            # An execution that runs on would call the functions of the next stack in this process.
            for machine in self.call_step_functions("ListStateMachines", {}).get("stateMachines", []):
                query = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "RUNNING"}
                for execution in self.call_step_functions("ListExecutions", query).get("executions", []):
                    self.call_step_functions("StopExecution", {"executionArn": execution["executionArn"]})
            _post(f"{self.url}/moto-api/reset", b"", {})
            self._server.shutdown()
        self._server.server_close()
        if self._holds_stack_lock:
            self._holds_stack_lock = False
            logging.getLogger("moto").removeHandler(self._log_handler)
            self._log_handler.close()
            _single_stack_lock.release()

    def update_state_machine(self, machine: StateMachine) -> None:
        """Update a state machine from its file; running executions keep the old definition.

        Raises:
            TemplateError: The interpreter rejects the definition.
        """
        self._submit_definition("UpdateStateMachine", machine, {"stateMachineArn": machine.arn})

    def warm_up(self) -> None:
        """Run a state machine that calls Lambda, which loads what a first execution would load, for about a second."""
        invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
        task = {**invoke, "Parameters": {"FunctionName": "no-such-function", "Payload.$": "$"}}
        definition = json.dumps({"StartAt": "Invoke", "States": {"Invoke": task}})
        with self._warm_up_lock:
            if self._stopped:
                return
            body = {"name": "WarmUp", "definition": definition, "roleArn": ROLE_ARN}
            machine = {"stateMachineArn": self.call_step_functions("CreateStateMachine", body)["stateMachineArn"]}
            started = self.call_step_functions("StartExecution", {**machine, "input": "{}"})
            execution = {"executionArn": started["executionArn"]}
            deadline = time.monotonic() + 10
            while self.call_step_functions("DescribeExecution", execution)["status"] == "RUNNING":
                if self._stopped or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            self.call_step_functions("DeleteStateMachine", machine)

    def call_step_functions(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call an action of Step Functions' API over HTTP.

        Args:
            action: Such as `ListExecutions`.
            body: The request in JSON.

        Raises:
            StepFunctionsError: The response is an error; the message is the one of the response.
        """
        try:
            return self._call("states", f"AWSStepFunctions.{action}", body)
        except urllib.error.HTTPError as error:
            raise StepFunctionsError(_parse_error_message(error.read().decode("utf-8", "replace"))) from None

    def create_secrets(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Create secrets of Secrets Manager, each a JSON object, by name."""
        for name, variables in secrets.items():
            body = {"Name": name, "SecretString": json.dumps(variables), "ClientRequestToken": str(uuid.uuid4())}
            self._call("secretsmanager", "secretsmanager.CreateSecret", body)

    def _call(self, service: str, target: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20200101/{REGION}/{service}/aws4_request",
        }
        return cast("dict[str, Any]", json.loads(_post(self.url, json.dumps(body).encode(), headers) or b"{}"))

    def wrap_app(self, wrap: Callable[[WsgiApp], WsgiApp]) -> None:
        """Put a WSGI middleware before moto; invocations of functions do not pass it."""
        assert self._moto_app is not None
        self._moto_app = wrap(self._moto_app)

    def _submit_definition(self, action: str, machine: StateMachine, body: Mapping[str, str]) -> None:
        try:
            self.call_step_functions(action, {**body, "definition": render_definition(machine)})
        except StepFunctionsError as error:
            raise TemplateError(f"{machine.name}: Step Functions does not take its definition: {error}") from None

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
        except INVOKE_ERRORS as error:
            return _respond_with_error(start_response, *classify_invoke_error(error))
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


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - http to loopback
    with open_loopback(request, timeout=30) as response:
        return response.read()


def _respond_with_error(start_response: Callable[..., Any], status: int, code: str, message: str) -> Iterable[bytes]:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


def _parse_error_message(text: str) -> str:
    try:
        return str(json.loads(text).get("message") or text)
    except (ValueError, AttributeError):
        return " ".join(text.split()) or "no reason given"
