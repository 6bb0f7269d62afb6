"""What CloudFront answers before either gateway: requests that are too long, and bodies that no function could take."""

from aiohttp import web

from local.api_gateway.responses import build_edge_error
from local.template.distribution import BodyLimit

MAX_URL_BYTES = 8192
MAX_HEAD_BYTES = 20_480
"""CloudFront's limits on a URL, and on a request without its body ("Quotas" in its guide)."""


def refuse_at_edge(incoming: web.BaseRequest, body_limit: BodyLimit | None, request_id: str) -> web.Response | None:
    """Return the response to a request that reaches no gateway; None for one that does.

    The response is in the shape of the API whose path it is: to a body as on AWS, by the function of the distribution.
    To a URL or headers that are too long CloudFront's own is a page in HTML, with the same status.

    Args:
        incoming: The request, of which only the head has been read.
        body_limit: The distribution's limit on bodies; None without one.
        request_id: UUID of the request.
    """
    head_bytes = len(incoming.raw_path) + sum(len(name) + len(value) for name, value in incoming.raw_headers)
    if len(incoming.raw_path) > MAX_URL_BYTES or head_bytes > MAX_HEAD_BYTES:
        code, message = "REQUEST_TOO_LONG", "The address or the headers of the request are too long"
    elif body_limit is not None and (incoming.content_length or 0) > body_limit.max_bytes:
        code, message = "PAYLOAD_TOO_LARGE", "The request body is over the limit of 1024 KiB"
    else:
        return None
    return _build_error(413, code, message, incoming, body_limit, request_id)


def refuse_slow_body(incoming: web.BaseRequest, body_limit: BodyLimit | None, request_id: str) -> web.Response:
    """Build the response to a request whose body did not arrive in time; it ends the connection.

    Args:
        incoming: The request, of which a part of the body may have been read.
        body_limit: As `refuse_at_edge` takes it.
        request_id: UUID of the request.
    """
    message = "The body of the request did not arrive in time"
    response = _build_error(408, "REQUEST_TIMEOUT", message, incoming, body_limit, request_id)
    response.force_close()
    return response


def _build_error(
    status: int, code: str, message: str, incoming: web.BaseRequest, body_limit: BodyLimit | None, request_id: str
) -> web.Response:
    path = incoming.raw_path.split("?", 1)[0]
    is_agent_api = body_limit is not None and body_limit.is_agent_path(path)
    return build_edge_error(status, code, message, is_agent_api=is_agent_api, request_id=request_id)
