"""Listings that do not end: they are read up to a number of pages, and a part is never taken for the whole."""

import json
from collections.abc import Callable

import httpx
import pytest

from pointsman.errors import ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.providers.agentmail import AgentMailProvider
from pointsman.providers.listing_pages import MAX_PAGES
from pointsman.providers.openrouter import OpenRouterProvider
from pointsman.providers.railway.client import RailwayClient
from pointsman.providers.telnyx.account import TelnyxAccount
from pointsman.settings.providers import AgentMailSettings, OpenRouterSettings, RailwaySettings
from tests.harness.http_responses import mock_transport
from tests.providers.telnyx_harness import make_telnyx_settings

URL = "http://provider.test"
RAILWAY = RailwaySettings("token", "project", "environment", "", "", URL, 5)
Respond = Callable[[httpx.Request, int], object]
"""Takes a request and the number of pages; returns the page's body."""


def list_agentmail(request: httpx.Request, pages: int) -> object:
    page = int(request.url.params.get("page_token", 1))
    return {"inboxes": [{"inbox_id": f"inbox-{page}"}], "next_page_token": str(page + 1) if page < pages else None}


def list_openrouter(request: httpx.Request, pages: int) -> object:
    # Each page repeats the last row of the one before.
    offset = int(request.url.params["offset"])
    return {"data": [{"hash": f"hash-{row}", "name": "n"} for row in range(offset, min(offset + 2, pages))]}


def list_telnyx(request: httpx.Request, pages: int) -> object:
    page = request.url.params["page[number]"]
    return {"data": [{"id": page, "phone_number": f"+1555{page}"}], "meta": {"total_pages": pages}}


def list_railway(request: httpx.Request, pages: int) -> object:
    page = int(json.loads(request.content)["variables"]["after"] or 1)
    info = {"hasNextPage": page < pages, "endCursor": str(page + 1)}
    node = {"id": f"service-{page}", "name": "n", "createdAt": "2026-01-01T00:00:00Z"}
    return {"data": {"project": {"services": {"edges": [{"node": node}], "pageInfo": info}}}}


LISTINGS: dict[str, tuple[Respond, Callable[[Transport], int]]] = {
    "agentmail": (
        list_agentmail,
        lambda transport: len([*AgentMailProvider(AgentMailSettings("key", "", URL, 5), transport).list()]),
    ),
    "openrouter": (
        list_openrouter,
        lambda transport: len([*OpenRouterProvider(OpenRouterSettings("key", 1, None, URL, 5), transport).list()]),
    ),
    "telnyx": (
        list_telnyx,
        lambda transport: len([*TelnyxAccount(make_telnyx_settings(URL), transport).iter_numbers()]),
    ),
    "railway": (list_railway, lambda transport: len([*RailwayClient(RAILWAY, transport).list_services()])),
}


@pytest.mark.limit("listing-pages")
@pytest.mark.parametrize("provider", LISTINGS)
def test_a_listing_may_have_as_many_pages_as_the_limit_and_no_more(provider: str) -> None:
    respond, count_rows = LISTINGS[provider]

    def serve(pages: int) -> Transport:
        return Transport(mock_transport(lambda request: httpx.Response(200, json=respond(request, pages))))

    assert count_rows(serve(MAX_PAGES)) == MAX_PAGES
    with pytest.raises(ProviderUnavailable, match=f"a listing of more than {MAX_PAGES} pages"):
        count_rows(serve(10**9))
