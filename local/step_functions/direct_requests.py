"""The frequent requests of functions, served past moto's HTTP layer: reads of secrets, and starts of executions.

moto parses and routes a request for longer than it executes it, with the runner's only interpreter lock, which hundreds
of functions at once would wait for. The results are moto's own, and a request that fails goes to moto for its error.
"""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from local.template.aws_identifiers import ACCOUNT_ID, REGION

_Request = dict[str, Any]


def serve_direct_requests(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap moto's WSGI app.

    Args:
        app: Gets every other request, and the requests that fail, so that the errors are moto's.
    """
    from moto.core.exceptions import JsonRESTError

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        execute = _FUNCTIONS.get(environ.get("HTTP_X_AMZ_TARGET", ""))
        if execute is None:
            return app(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(content)
        try:
            result = execute(json.loads(content))
        except (ValueError, KeyError, TypeError, JsonRESTError):
            return app(environ, start_response)
        body = json.dumps(result).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return serve


def _read_secret(request: _Request) -> object:
    from moto.secretsmanager.models import secretsmanager_backends

    backend: Any = secretsmanager_backends[ACCOUNT_ID][REGION]
    return backend.get_secret_value(request["SecretId"], request.get("VersionId"), request.get("VersionStage"))


def _start_execution(request: _Request) -> object:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    backend = stepfunctions_parser_backends[ACCOUNT_ID][REGION]
    execution = backend.start_execution(request["stateMachineArn"], request["name"], request["input"])
    return {"executionArn": execution.execution_arn, "startDate": execution.start_date.timestamp()}


_FUNCTIONS: dict[str, Callable[[_Request], object]] = {
    "secretsmanager.GetSecretValue": _read_secret,
    "AWSStepFunctions.StartExecution": _start_execution,
}
"""By the value of the header X-Amz-Target."""
