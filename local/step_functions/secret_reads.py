"""Reads of secrets past moto's HTTP layer: hundreds of functions that start at once each read one at their first use.

moto parses and routes such a request for about 10 ms of the runner's only interpreter lock, which alone makes reads
time out. The values are moto's own, and whatever is not a plain read of a present value goes to moto.
"""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from local.template.aws_identifiers import ACCOUNT_ID, REGION

_TARGET = "secretsmanager.GetSecretValue"


def serve_secret_reads(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap moto's WSGI app.

    Args:
        app: Gets every other request, and reads that fail, so that the errors are moto's.
    """
    from moto.core.exceptions import JsonRESTError
    from moto.secretsmanager.models import secretsmanager_backends

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET") != _TARGET:
            return app(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(content)
        try:
            request = json.loads(content)
            value = secretsmanager_backends[ACCOUNT_ID][REGION].get_secret_value(
                request["SecretId"], request.get("VersionId"), request.get("VersionStage")
            )
        except (ValueError, KeyError, TypeError, JsonRESTError):
            return app(environ, start_response)
        body = json.dumps(value).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return serve
