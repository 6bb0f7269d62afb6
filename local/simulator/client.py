"""A small client of the control API, for tests and the demo."""

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
    """The optional parts of a fault; `control.py` tells what they mean."""

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
    """Where the providers are, for the settings of whoever calls them."""

    railway: str
    openrouter: str
    agentmail: str
    telnyx: str
    model: str


class SimulatorClient:
    """Drives the simulator at an origin such as `http://127.0.0.1:4010`. Raises httpx.HTTPStatusError when refused."""

    def __init__(self, origin: str, timeout_s: float = 10.0) -> None:
        self.origin = origin.rstrip("/")
        self.base_urls = BaseUrls(
            f"{self.origin}/railway/graphql/v2", f"{self.origin}/openrouter/api/v1", f"{self.origin}/agentmail/v0",
            f"{self.origin}/telnyx/v2", f"{self.origin}/model/v1",
        )  # fmt: skip
        # There is no TLS, and to read its certificates takes as long as many a call.
        self._http = httpx.Client(base_url=f"{self.origin}/_sim", timeout=timeout_s, trust_env=False, verify=False)  # noqa: S501

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "SimulatorClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_healthy(self) -> bool:
        """Whether it answers at all."""
        try:
            return self._http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def reset(self, config: Mapping[str, object] | None = None) -> None:
        """Everything back to the beginning, with this configuration over the defaults."""
        self._request("POST", "/reset", dict(config or {}))

    def update_config(self, change: Mapping[str, object] | None = None) -> Obj:
        """The configuration, after this change to it."""
        return as_obj(self._request("PATCH", "/config", dict(change or {})))

    def inject_fault(
        self, provider: ProviderName, operation: str, kind: FaultKind, **options: Unpack[FaultOptions]
    ) -> int:
        """Order a fault; the id is for `remove_fault`."""
        spec = {"provider": provider, "operation": operation, "kind": kind, **options}
        fault_id = as_obj(self._request("POST", "/faults", spec))["id"]
        assert isinstance(fault_id, int)
        return fault_id

    def list_faults(self) -> list[Obj]:
        """All faults, with how often each has matched and struck."""
        return [as_obj(fault) for fault in as_list(self._request("GET", "/faults"))]

    def remove_fault(self, fault_id: int) -> None:
        self._request("DELETE", f"/faults/{fault_id}")

    def clear_faults(self) -> None:
        self._request("DELETE", "/faults")

    def get_state(self) -> Obj:
        """Everything, per provider, deleted things too."""
        return as_obj(self._request("GET", "/state"))

    def list_leftovers(self) -> list[Leftover]:
        """What is alive and costs money or a slot."""
        return _LEFTOVER_LIST.validate_python(self._request("GET", "/leftovers"))

    def list_calls(self, since: int = 0) -> list[CallEntry]:
        """Calls after the one with this sequence number."""
        return _CALL_LIST.validate_python(self._request("GET", f"/calls?since={since}"))

    def seed_services(self, count: int, prefix: str = "convos-agent-", bare: bool = False) -> list[str]:
        """Make many Railway services; the ids come in the order of their names."""
        response = self._request("POST", "/railway/services", {"count": count, "prefix": prefix, "bare": bare})
        return [str(service_id) for service_id in as_list(as_obj(response)["ids"])]

    def set_deployment_status(self, deployment_id: str, status: str) -> None:
        self._request("POST", f"/railway/deployments/{deployment_id}", {"status": status})

    def seed_numbers(self, count: int, customer_reference: str | None = None) -> list[Obj]:
        """Own many Telnyx numbers; each comes with `id` and `phone_number`."""
        response = self._request("POST", "/telnyx/numbers", {"count": count, "customer_reference": customer_reference})
        return [as_obj(number) for number in as_list(response)]

    def set_number_lock(self, number_id: str, locked: bool = True) -> None:
        self._request("PATCH", f"/telnyx/numbers/{number_id}", {"deletion_lock_enabled": locked})

    def script_model(self, *turns: Mapping[str, object], match: str | None = None, repeat: bool = False) -> None:
        """Order what the model says to a prompt, turn by turn; see `model/script.py` for what a turn may hold."""
        self._request(
            "POST", "/model/scripts", {"turns": [dict(turn) for turn in turns], "match": match, "repeat": repeat}
        )

    def clear_scripts(self) -> None:
        """Forget all scripts."""
        self._request("DELETE", "/model/scripts")

    def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        result: object = response.json()
        return result
