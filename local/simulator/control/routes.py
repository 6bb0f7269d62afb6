"""The control API under `/_sim`. JSON in and out.

    GET    /_sim/health
    POST   /_sim/reset                      drop all state; the body may hold configuration
    GET    /_sim/config    PATCH            nested, see `config.py`; unknown keys are rejected (422)
    GET    /_sim/state                      the whole state per provider, deleted objects and secrets included
    GET    /_sim/leftovers                  live objects that cost money or a slot: provider, kind, id, name
    GET    /_sim/calls?since=N              calls after the Nth, bodies redacted
    POST   /_sim/faults    GET              inject a fault; list all, with `matched` and `struck` counts
    DELETE /_sim/faults[/{id}]              remove all, or one
    POST   /_sim/railway/services           {"count", "prefix", "environmentId"?, "status"?, "bare"?}: seed services
    POST   /_sim/railway/deployments/{id}   {"status"}: force a status
    POST   /_sim/telnyx/numbers             {"count", "customer_reference"?}: seed owned numbers
    PATCH  /_sim/telnyx/numbers/{id}        {"deletion_lock_enabled"}
    POST   /_sim/model/scripts              {"turns", "match"?, "repeat"?}: see `engine/model_scripts.py`
    DELETE /_sim/model/scripts              remove all scripts

A fault is `{provider, operation?, kind, times?, after?, match?, seconds?, status?, code?, message?, retry_after?,
field?, body?, done?}`: `times` is 1 by default and null for no limit; the first `after` matching requests are skipped;
`match` must occur in the path, query or body. At most one fault hits a request, the oldest that matches. Kinds:

    refuse             400 or `status` in the provider's shape; not executed
    lost               executed, then the connection is dropped without a response
    drop               the connection is dropped; not executed
    hang               the connection is dropped after `seconds`; not executed
    hang_done          executed at once, response after `seconds`
    slow               `seconds` more latency before execution
    rate_limit         429 in the provider's shape, with `retry_after`; not executed
    rate_limit_text    429 with the text `error code: 1015`; not executed
    server_error       `status` (500); not executed
    server_error_done  the same, but executed
    html               502 with HTML; executed only if `done`
    graphql_error      Railway: HTTP 200 with `message` in errors[]; executed only if `done`
    graphql_throttle   Railway: HTTP 200 with the volume throttle, or `message`; not executed
    garbage            200 with a body that is not JSON; executed unless `done` is false
    error_body         200 with the provider's error of `status` (500) as its body; executed only if `done`
    other_shape        200 with the JSON `body`, by default `{"ok": true}`; executed only if `done`
    empty              200 without a body; executed only if `done`
    drip_head          a head that never ends, a byte every `seconds`; executed only if `done`
    drip_body          200 with a body that never ends, a byte every `seconds`; executed only if `done`
    endless            200 with a body that never ends, as fast as it is read; executed only if `done`
    partial            Railway: executed, but nullable fields below the root (or only `field`) are null, with errors
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, Field, ValidationError

from local.simulator.config import Config, merge_config
from local.simulator.control.leftovers import list_leftovers
from local.simulator.engine.engine import Engine
from local.simulator.engine.faults import Fault, FaultSpec
from local.simulator.engine.model_scripts import Script, ScriptRegistry
from local.simulator.http.messages import Obj
from local.simulator.railway.seeds import SeedPlan, seed_services
from local.simulator.state.railway import ENVIRONMENT_ID
from local.simulator.state.store import State
from local.simulator.state.telnyx import new_number
from local.simulator.telnyx.number_pool import iter_numbers_for_sale

DeploymentStatus = Literal[
    "BUILDING", "CRASHED", "DEPLOYING", "FAILED", "INITIALIZING", "NEEDS_APPROVAL", "QUEUED", "REMOVED", "REMOVING",
    "SKIPPED", "SLEEPING", "SUCCESS", "WAITING",
]  # fmt: skip


class SeedServicesRequest(BaseModel, extra="forbid"):
    """Body of `POST /_sim/railway/services`; `bare` creates services without deployments, domains and volumes."""

    count: int = Field(ge=1, le=100_000)
    prefix: str = "convos-agent-"
    environmentId: str = ENVIRONMENT_ID
    status: DeploymentStatus = "SUCCESS"
    bare: bool = False


class DeploymentStatusRequest(BaseModel, extra="forbid"):
    """Body of `POST /_sim/railway/deployments/{id}`."""

    status: DeploymentStatus


class SeedNumbersRequest(BaseModel, extra="forbid"):
    """Body of `POST /_sim/telnyx/numbers`."""

    count: int = Field(ge=1, le=10_000)
    customer_reference: str | None = None


class NumberChangeRequest(BaseModel, extra="forbid"):
    """Body of `PATCH /_sim/telnyx/numbers/{id}`."""

    deletion_lock_enabled: bool


def create_router(engine: Engine) -> APIRouter:
    """Create the control routes over one engine; changes take effect with the next request to a provider."""
    router = APIRouter(prefix="/_sim", include_in_schema=False)

    def apply_change(base: Config, change: Mapping[str, object]) -> Config:
        try:
            return merge_config(base, dict(change))
        except ValidationError as error:
            raise HTTPException(422, error.errors(include_url=False, include_input=False)) from None

    @router.get("/health")
    async def health() -> Obj:
        return {"ok": True}

    @router.post("/reset")
    async def reset(change: Annotated[Obj | None, Body()] = None) -> Obj:
        engine.reset(apply_change(Config(), change or {}), State())
        return {"ok": True}

    @router.get("/config")
    async def get_config() -> Config:
        return engine.config

    @router.patch("/config")
    async def patch_config(change: Obj) -> Config:
        engine.config = apply_change(engine.config, change)
        return engine.config

    @router.get("/state")
    async def get_state() -> Obj:
        return engine.state.to_json()

    @router.get("/leftovers")
    async def get_leftovers() -> list[Obj]:
        return [asdict(leftover) for leftover in list_leftovers(engine.state, time.time())]

    @router.get("/calls")
    async def get_calls(since: int = 0) -> list[Obj]:
        return [asdict(entry) for entry in engine.calls.list_after(since)]

    @router.post("/faults", status_code=201)
    async def add_fault(spec: FaultSpec) -> Obj:
        return {"id": engine.faults.add(spec).id}

    @router.get("/faults")
    async def get_faults() -> list[Obj]:
        return [_serialize_fault(fault) for fault in engine.faults.by_id.values()]

    @router.delete("/faults")
    async def delete_faults() -> Obj:
        engine.faults.by_id.clear()
        return {"ok": True}

    @router.delete("/faults/{fault_id}")
    async def delete_fault(fault_id: int) -> Obj:
        if engine.faults.by_id.pop(fault_id, None) is None:
            raise HTTPException(404, "no such fault")
        return {"ok": True}

    @router.post("/railway/services", status_code=201)
    async def seed_railway(body: SeedServicesRequest) -> Obj:
        railway = engine.state.railway
        if body.environmentId not in railway.environments:
            raise HTTPException(404, "no such environment")
        plan = SeedPlan(body.count, body.prefix, body.environmentId, body.status, body.bare)
        ids = seed_services(railway, plan, time.time())
        engine.save()
        return {"ids": ids}

    @router.post("/railway/deployments/{deployment_id}")
    async def force_status(deployment_id: str, body: DeploymentStatusRequest) -> Obj:
        deployment = engine.state.railway.deployments.get(deployment_id)
        if deployment is None:
            raise HTTPException(404, "no such deployment")
        deployment.forced, deployment.updated_at = body.status, time.time()
        engine.save()
        return {"ok": True}

    @router.post("/telnyx/numbers", status_code=201)
    async def seed_telnyx(body: SeedNumbersRequest) -> list[Obj]:
        now, telnyx = time.time(), engine.state.telnyx
        owned = telnyx.list_owned_numbers(now)
        seeded: list[Obj] = []
        for phone_number in iter_numbers_for_sale():
            if len(seeded) == body.count:
                break
            if phone_number not in owned:
                number = new_number(phone_number, now, now, now)
                number.customer_reference = body.customer_reference
                telnyx.numbers[number.id] = number
                seeded.append({"id": number.id, "phone_number": phone_number})
        engine.save()
        return seeded

    @router.patch("/telnyx/numbers/{number_id}")
    async def change_number(number_id: str, change: NumberChangeRequest) -> Obj:
        number = engine.state.telnyx.numbers.get(number_id)
        if number is None:
            raise HTTPException(404, "no such number")
        number.deletion_lock_enabled = change.deletion_lock_enabled
        engine.save()
        return {"ok": True}

    @router.post("/model/scripts", status_code=201)
    async def add_script(script: Script) -> Obj:
        return {"id": engine.scripts.add(script).id}

    @router.delete("/model/scripts")
    async def delete_scripts() -> Obj:
        engine.scripts = ScriptRegistry()
        return {"ok": True}

    return router


def _serialize_fault(fault: Fault) -> Obj:
    return {"id": fault.id, "matched": fault.match_count, "struck": fault.hit_count, **fault.spec.model_dump()}
