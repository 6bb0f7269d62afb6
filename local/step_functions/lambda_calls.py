"""Lambda calls of the interpreter, handed to the Lambda service in this process.

moto calls Lambda with boto3, which costs three to eight milliseconds of the runner's only interpreter lock on its two
ends: signing, urllib3, a server thread. The result and the errors are what boto3 makes of the endpoint's responses;
other clients go on using the endpoint.
"""

import concurrent.futures
import functools
import importlib
import uuid
from collections.abc import Callable
from io import BytesIO
from typing import Any

from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import PayloadTooLarge, TooManyRequests, UnknownFunction

Invoke = Callable[[str, bytes], InvocationResult]
"""Invokes a function by name with a payload; raises what `classify_invoke_error` knows."""

INVOKE_ERRORS = (UnknownFunction, PayloadTooLarge, TooManyRequests, RuntimeError, concurrent.futures.CancelledError)
"""What an invocation through the event loop of the Lambda service raises."""

_connected: list[Invoke] = []


def classify_invoke_error(error: BaseException) -> tuple[int, str, str]:
    """Return the HTTP status, the code and the message of Lambda's response to an invocation that raised."""
    if isinstance(error, UnknownFunction):
        return 404, "ResourceNotFoundException", str(error)
    if isinstance(error, PayloadTooLarge):
        return 413, "RequestTooLargeException", str(error)
    if isinstance(error, TooManyRequests):
        return 429, "TooManyRequestsException", str(error)
    return 500, "ServiceException", "The runner is stopping"


def connect_interpreter(invoke: Invoke) -> None:
    """Let the interpreter call Lambda through this function, in place of that of an earlier stack."""
    _install()
    _connected[:] = [invoke]


@functools.cache
def _install() -> None:
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.asl.component.state.exec import state_task

    lambda_calls: Any = importlib.import_module(f"{state_task.__name__}.lambda_eval_utils")
    call_with_boto = lambda_calls._invoke_lambda_function

    def invoke_lambda_function(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        name, payload = parameters.get("FunctionName"), parameters.get("Payload", b"")
        if not _connected or not isinstance(name, str) or not name or parameters.keys() - {"FunctionName", "Payload"}:
            return call_with_boto(parameters=parameters, region=region, state_credentials=state_credentials)
        try:
            result = _connected[0](name, payload or b"{}")
        except INVOKE_ERRORS as error:
            status, code, message = classify_invoke_error(error)
            metadata: Any = {"RequestId": str(uuid.uuid4()), "HTTPStatusCode": status}
            raise ClientError(
                {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Invoke"
            ) from None
        response: dict[str, Any] = {"StatusCode": 200}
        if result.error is not None:
            response["FunctionError"] = result.error
        response["ExecutedVersion"] = "$LATEST"
        response["Payload"] = lambda_calls._from_payload(BytesIO(result.payload))
        return response

    lambda_calls._invoke_lambda_function = invoke_lambda_function
