"""Client of the control API, for tests, the demo and the local stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

import httpx
from pydantic import TypeAdapter

from local.simulator.control.leftovers import Leftover
from local.simulator.engine.call_log import CallEntry
from local.simulator.engine.faults import FaultKind, ProviderName
from local.simulator.http.messages import Obj, as_list, as_obj

_CALL_LIST = TypeAdapter(list[CallEntry])
_LEFTOVER_LIST = TypeAdapter(list[Leftover])


class FaultOptions(TypedDict, total=False):
    """The optional fields of a fault; `control/routes.py` documents them."""

    times: int | None
    after: int
    match: str
    seconds: float
    status: int
    code: str
    message: str
    retry_after: float
    field: str
    done: bool


@dataclass(frozen=True)
class BaseUrls:
    """The providers' base URLs, for the settings of the system under test."""

    railway: str
    openrouter: str
    agentmail: str
    telnyx: str
    model: str


class SimulatorClient:
    """Drives the simulator at an origin such as `http://127.0.0.1:4010`.

    Every method but `is_healthy` raises httpx.HTTPStatusError for an error response and httpx.TransportError when the
    simulator cannot be reached.
    """

    def __init__(self, origin: str, timeout_s: float = 10.0) -> None:
        self.origin = origin.rstrip("/")
        self.base_urls = BaseUrls(
            f"{self.origin}/railway/graphql/v2", f"{self.origin}/openrouter/api/v1", f"{self.origin}/agentmail/v0",
            f"{self.origin}/telnyx/v2", f"{self.origin}/model/v1",
        )  # fmt: skip
        # The origin has no TLS; loading the CA bundle would take longer than most calls.
        self._http = httpx.Client(base_url=f"{self.origin}/_sim", timeout=timeout_s, trust_env=False, verify=False)  # noqa: S501

    def close(self) -> None:
        """Close the client's connections."""
        self._http.close()

    def __enter__(self) -> "SimulatorClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_healthy(self) -> bool:
        """Return whether the simulator answers its health check."""
        try:
            return self._http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def reset(self, config: Mapping[str, object] | None = None) -> None:
        """Drop all state, faults, scripts and calls, and apply this configuration over the defaults."""
        self._request("POST", "/reset", dict(config or {}))

    def update_config(self, change: Mapping[str, object] | None = None) -> Obj:
        """Merge a nested change into the configuration and return the result."""
        return as_obj(self._request("PATCH", "/config", dict(change or {})))

    def inject_fault(
        self, provider: ProviderName, operation: str, kind: FaultKind, **options: Unpack[FaultOptions]
    ) -> int:
        """Inject a fault and return its id, for `remove_fault`."""
        spec = {"provider": provider, "operation": operation, "kind": kind, **options}
        fault_id = as_obj(self._request("POST", "/faults", spec))["id"]
        assert isinstance(fault_id, int)
        return fault_id

    def list_faults(self) -> list[Obj]:
        """Return all faults with `matched` and `struck`, the counts of requests matched and hit."""
        return [as_obj(fault) for fault in as_list(self._request("GET", "/faults"))]

    def remove_fault(self, fault_id: int) -> None:
        """Remove one fault; 404 when the id is unknown."""
        self._request("DELETE", f"/faults/{fault_id}")

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._request("DELETE", "/faults")

    def get_state(self) -> Obj:
        """Return the whole state per provider, with deleted objects and secrets."""
        return as_obj(self._request("GET", "/state"))

    def list_leftovers(self) -> list[Leftover]:
        """Return the live objects that cost money or count against a quota."""
        return _LEFTOVER_LIST.validate_python(self._request("GET", "/leftovers"))

    def list_calls(self, since: int = 0) -> list[CallEntry]:
        """Return the logged calls with a sequence number above `since`."""
        return _CALL_LIST.validate_python(self._request("GET", f"/calls?since={since}"))

    def seed_services(self, count: int, prefix: str = "convos-agent-", bare: bool = False) -> list[str]:
        """Create `count` Railway services and return their ids, in the order of their names."""
        response = self._request("POST", "/railway/services", {"count": count, "prefix": prefix, "bare": bare})
        return [str(service_id) for service_id in as_list(as_obj(response)["ids"])]

    def set_deployment_status(self, deployment_id: str, status: str) -> None:
        """Force a Railway deployment's status, such as `CRASHED`."""
        self._request("POST", f"/railway/deployments/{deployment_id}", {"status": status})

    def seed_numbers(self, count: int, customer_reference: str | None = None) -> list[Obj]:
        """Add `count` owned Telnyx numbers and return the `id` and `phone_number` (E.164) of each."""
        response = self._request("POST", "/telnyx/numbers", {"count": count, "customer_reference": customer_reference})
        return [as_obj(number) for number in as_list(response)]

    def set_number_lock(self, number_id: str, locked: bool = True) -> None:
        """Set or clear a Telnyx number's deletion lock."""
        self._request("PATCH", f"/telnyx/numbers/{number_id}", {"deletion_lock_enabled": locked})

    def script_model(self, *turns: Mapping[str, object], match: str | None = None, repeat: bool = False) -> None:
        """Script the model's turns for a prompt; `engine/model_scripts.py` documents a turn's fields.

        Args:
            turns: One per model response, in order.
            match: Text that the last user message must contain; None queues the script for the next unmatched prompt.
            repeat: Whether the last turn repeats instead of being followed by `Done.`.
        """
        self._request(
            "POST", "/model/scripts", {"turns": [dict(turn) for turn in turns], "match": match, "repeat": repeat}
        )

    def clear_scripts(self) -> None:
        """Remove all scripts."""
        self._request("DELETE", "/model/scripts")

    def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        result: object = response.json()
        return result
