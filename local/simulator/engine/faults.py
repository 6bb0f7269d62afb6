"""Fault injection: which requests a fault hits, how often, and whether they still execute."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from local.simulator.http.unending import UnendingKind

ProviderName = Literal["railway", "openrouter", "agentmail", "telnyx", "model", "*"]

FaultKind = Literal[
    "refuse", "lost", "drop", "hang", "hang_done", "slow", "rate_limit", "rate_limit_text", "server_error",
    "server_error_done", "html", "graphql_error", "graphql_throttle", "garbage", "partial", "error_body", "other_shape",
    "empty", "drip_head", "drip_body", "endless",
]  # fmt: skip

RAILWAY_ONLY_KINDS: frozenset[str] = frozenset({"graphql_error", "graphql_throttle", "partial"})

UNENDING_KINDS: tuple[UnendingKind, ...] = ("drip_head", "drip_body", "endless")

EXECUTING_KINDS: frozenset[str] = frozenset({"lost", "hang_done", "slow", "server_error_done", "garbage", "partial"})
"""Kinds whose request executes although its response is late, altered or missing."""


class FaultSpec(BaseModel, extra="forbid"):
    """A fault as the control API takes it; `control/routes.py` documents the kinds and fields."""

    provider: ProviderName
    operation: str = "*"
    kind: FaultKind
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    match: str | None = None
    seconds: float = Field(default=1.0, ge=0)
    status: int | None = Field(default=None, ge=200, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    field: str | None = None
    body: object = Field(default_factory=lambda: {"ok": True})
    done: bool | None = None


@dataclass
class Fault:
    """An injected fault, with the number of requests that matched it and that it hit."""

    id: int
    spec: FaultSpec
    match_count: int = 0
    hit_count: int = 0

    @property
    def should_execute(self) -> bool:
        """Whether a request that the fault hits is executed."""
        return self.spec.kind in EXECUTING_KINDS if self.spec.done is None else self.spec.done

    @property
    def is_spent(self) -> bool:
        """Whether the fault has hit `times` requests."""
        return self.spec.times is not None and self.hit_count >= self.spec.times

    def try_hit(self, provider: str, operations: tuple[str, ...], text: str) -> bool:
        """Count a request that matches; return whether this fault hits it."""
        spec = self.spec
        if self.is_spent or spec.provider not in ("*", provider):
            return False
        if spec.kind in RAILWAY_ONLY_KINDS and provider != "railway":
            return False
        if spec.operation != "*" and spec.operation not in operations:
            return False
        if spec.match is not None and spec.match not in text:
            return False
        self.match_count += 1
        if self.match_count <= spec.after:
            return False
        self.hit_count += 1
        return True


@dataclass
class FaultRegistry:
    """All injected faults. At most one hits a request: the oldest that matches and is not spent."""

    by_id: dict[int, Fault] = field(default_factory=dict[int, Fault])
    last_id: int = 0

    def add(self, spec: FaultSpec) -> Fault:
        """Register a fault under the next id."""
        self.last_id += 1
        fault = Fault(self.last_id, spec)
        self.by_id[fault.id] = fault
        return fault

    def select(self, provider: str, operations: tuple[str, ...], text: str) -> Fault | None:
        """Return the fault that hits this request, if any; `text` is the path, the query and the body."""
        for fault in self.by_id.values():
            if fault.try_hit(provider, operations, text):
                return fault
        return None
