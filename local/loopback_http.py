"""HTTP to servers on this machine, past any proxy that the developer's environment configures."""

import urllib.request
from http.client import HTTPResponse
from typing import cast


def open_loopback(request: urllib.request.Request | str, timeout: float) -> HTTPResponse:
    """Send a request to a loopback address and return the response, open for reading.

    Args:
        request: A request, or the URL of a GET.
        timeout: Seconds for connecting and for each read.

    Raises:
        urllib.error.HTTPError: The status is 400 or above.
        OSError: The server cannot be reached or does not respond in time.
    """
    # urlopen would use http_proxy, which is for addresses outside of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return cast(HTTPResponse, opener.open(request, timeout=timeout))
