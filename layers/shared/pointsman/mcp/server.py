"""The methods of the MCP server."""

from ..agent.agent import Agent
from .catalog import Catalog
from .exchange import Exchange
from .messages import METHOD_NOT_FOUND, JsonObject, RpcError
from .revisions import HANDSHAKE_REVISIONS, STATELESS_REVISION
from .tool_calls import ToolCaller

__all__ = ["McpServer"]

_SERVER_INFO: JsonObject = {"name": "pointsman", "title": "Pointsman", "version": "0.1.0"}
_CAPABILITIES: JsonObject = {"tools": {"listChanged": False}}
_TTL_MS = 60_000
"""How long a client may keep the list of tools, which a deployment or another permission changes."""


class McpServer:
    """Answers requests about an agent. It has no session: each request stands for itself."""

    def __init__(self, agent: Agent) -> None:
        self._catalog = Catalog(agent)
        self._caller = ToolCaller(agent, self._catalog)
        self._instructions = (
            "Some tools need a person's approval. Where this client cannot ask, the answer says who approves and how;"
            f" {self._catalog.result_name} has the result afterwards. {self._catalog.prompt_name} gives a task to this"
            " deployment's own agent."
        )

    async def answer(self, exchange: Exchange) -> JsonObject:
        """Return the result of a request.

        Raises:
            RpcError: there is no such method in the request's revision, or a parameter is wrong.
            OSError: the client is gone.
        """
        request = exchange.request
        match request.message.method:
            case "server/discover" if request.is_stateless:
                result: JsonObject = {
                    "supportedVersions": [STATELESS_REVISION, *HANDSHAKE_REVISIONS],
                    **self._describe(),
                    **_cacheable("public"),
                }
            case "initialize" if not request.is_stateless:
                return {**self._describe(), **self._negotiate(request.message.params)}
            case "ping" if not request.is_stateless:
                return {}
            case "tools/list":
                result = self._catalog.list_page(exchange.permissions, request.message.params.get("cursor"))
                result |= _cacheable("private") if request.is_stateless else {}
            case "tools/call":
                result = await self._caller.call(exchange)
            case unknown:
                raise RpcError(METHOD_NOT_FOUND, f"There is no method {unknown[:100]!r}")
        return _complete(result) if request.is_stateless else result

    def _describe(self) -> JsonObject:
        return {"capabilities": _CAPABILITIES, "instructions": self._instructions}

    @staticmethod
    def _negotiate(params: JsonObject) -> JsonObject:
        """Accept the client's revision, or offer the newest with a handshake."""
        wanted = params.get("protocolVersion")
        version = wanted if wanted in HANDSHAKE_REVISIONS else HANDSHAKE_REVISIONS[0]
        return {"protocolVersion": version, "serverInfo": _SERVER_INFO}


def _cacheable(scope: str) -> JsonObject:
    return {"ttlMs": _TTL_MS, "cacheScope": scope}


def _complete(result: JsonObject) -> JsonObject:
    """Add what each result of the revision without sessions has."""
    meta = result.get("_meta")
    info = {"io.modelcontextprotocol/serverInfo": _SERVER_INFO}
    return {"resultType": "complete", **result, "_meta": {**meta, **info} if isinstance(meta, dict) else info}
