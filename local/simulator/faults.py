"""Faults to order: which request they hit, how often, and what they do."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

ProviderName = Literal["railway", "openrouter", "agentmail", "telnyx", "model", "*"]

FaultKind = Literal[
    "refuse", "lost", "drop", "hang", "hang_done", "slow", "rate_limit", "rate_limit_text", "server_error",
    "server_error_done", "html", "graphql_error", "graphql_throttle", "garbage", "partial",
]  # fmt: skip

RAILWAY_ONLY: frozenset[str] = frozenset({"graphql_error", "graphql_throttle", "partial"})

DONE_BY_DEFAULT: frozenset[str] = frozenset({"lost", "hang_done", "slow", "server_error_done", "garbage", "partial"})
"""Kinds whose request does its work all the same."""


class FaultOrder(BaseModel, extra="forbid"):
    """What a caller orders. See `control.py` for the meaning of each kind."""

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
    done: bool | None = None


@dataclass
class Fault:
    """An ordered fault and how often it has matched and struck."""

    id: int
    order: FaultOrder
    matched: int = 0
    struck: int = 0

    @property
    def done(self) -> bool:
        """Whether the request's work is done although the answer is spoilt."""
        return self.order.kind in DONE_BY_DEFAULT if self.order.done is None else self.order.done

    @property
    def spent(self) -> bool:
        return self.order.times is not None and self.struck >= self.order.times

    def strikes(self, provider: str, operations: tuple[str, ...], text: str) -> bool:
        """Count a request; true when this fault hits it."""
        order = self.order
        if self.spent or order.provider not in ("*", provider):
            return False
        if order.kind in RAILWAY_ONLY and provider != "railway":
            return False
        if order.operation != "*" and order.operation not in operations:
            return False
        if order.match is not None and order.match not in text:
            return False
        self.matched += 1
        if self.matched <= order.after:
            return False
        self.struck += 1
        return True


@dataclass
class FaultBook:
    """All ordered faults. A request is hit by at most one: the oldest that matches and is not spent."""

    faults: dict[int, Fault] = field(default_factory=dict[int, Fault])
    last_id: int = 0

    def add(self, order: FaultOrder) -> Fault:
        self.last_id += 1
        fault = Fault(self.last_id, order)
        self.faults[fault.id] = fault
        return fault

    def take(self, provider: str, operations: tuple[str, ...], text: str) -> Fault | None:
        """The fault that hits this request, if any. `text` is the path, the query and the body."""
        for fault in self.faults.values():
            if fault.strikes(provider, operations, text):
                return fault
        return None
