"""What can be ordered about the providers' behaviour. Defaults are what the documents say, and fast.

Keys that stand for unverified behaviour exist so that a client can be tried both ways.
"""

from typing import Literal

from pydantic import BaseModel, Field


class _StrictModel(BaseModel, extra="forbid"):
    pass


class RateLimit(_StrictModel):
    """A fixed window; `requests` null means that nothing is limited (headers then show a large budget)."""

    requests: int | None = None
    window_s: float = 1.0


class ProviderConfig(_StrictModel):
    refused_tokens: list[str] = Field(default=["bad-token"])
    rate_limit: RateLimit = Field(default_factory=RateLimit)


FinalDeploymentStatus = Literal["SUCCESS", "FAILED", "CRASHED", "REMOVED", "SLEEPING", "SKIPPED"]


class RailwayConfig(ProviderConfig):
    page_default: int = 100
    page_max: int = 500
    overlong_names: Literal["reject", "truncate"] = "reject"
    delete_twice: Literal["Not Authorized", "Problem processing request"] = "Not Authorized"
    service_lag_s: float = 0.0
    volume_lag_s: float = 0.0
    lag_refuses_dependents: bool = True
    volume_throttle_s: float = 0.0
    project_throttle_s: float = 30.0
    deploy_seconds: float = 1.0
    deploy_end: FinalDeploymentStatus = "SUCCESS"
    missing_projects: list[str] = Field(default_factory=list[str])
    max_volumes: int | None = None
    service_delete_deletes_volume: bool = False
    volume_on_deployed_service: Literal["allow", "refuse"] = "allow"
    early_update_ignored: bool = False


class OpenRouterConfig(ProviderConfig):
    page_size: int = 100
    list_lag_s: float = 0.0
    total_credits: float = 100.5
    total_usage: float = 25.75


class AgentMailConfig(ProviderConfig):
    inbox_limit: int | None = None
    taken_status: Literal[403, 409] = 403
    taken_usernames: list[str] = Field(default=["admin", "support"])
    verified_domains: list[str] = Field(default=["agentmail.to"])
    delete_status: Literal[202, 204] = 204
    delete_seconds: float = 0.0
    client_id_after_delete: Literal["fresh", "ghost", "refuse"] = "fresh"
    address_reusable: bool = True
    page_default: int = 50
    page_max: int = 100
    empty_page_with_token: bool = False
    send_lag_s: float = 1.0


class TelnyxConfig(ProviderConfig):
    order_seconds: float = 0.3
    order_end: Literal["success", "failure"] = "success"
    failing_numbers: list[str] = Field(default_factory=list[str])
    taken_numbers: list[str] = Field(default_factory=list[str])
    number_lag_s: float = 0.2
    number_error_status: int = 422
    already_ours_code: Literal["85001", "10012"] = "85001"
    search_valid_s: float = 3600.0
    copy_customer_reference: bool = True
    list_orders_with_numbers: bool = False
    e164_as_id: bool = True
    balance_usd: float | None = None
    funds_status: int = 403
    release_hold_s: float = 60.0
    page_default: int = 20
    page_max: int = 250
    profile_create_status: Literal[200, 201] = 200


class ModelConfig(ProviderConfig):
    """`noise` are comments and unknown events in a stream, `done` is `[DONE]` after it; `latency_s` is waited before
    every answer, `gap_s` between the deltas of a streamed one."""

    error_shape: Literal["openai", "openrouter"] = "openai"
    missing_models: list[str] = Field(default_factory=list[str])
    seals_reasoning: bool = True
    noise: bool = True
    done: bool = True
    latency_s: float = 0.0
    gap_s: float = 0.0


class Config(_StrictModel):
    """`latency_ms` is waited before a request's work is done, `latency_after_ms` between that and the answer."""

    latency_ms: float = 0.0
    latency_after_ms: float = 0.0
    railway: RailwayConfig = Field(default_factory=RailwayConfig)
    openrouter: OpenRouterConfig = Field(default_factory=OpenRouterConfig)
    agentmail: AgentMailConfig = Field(default_factory=AgentMailConfig)
    telnyx: TelnyxConfig = Field(default_factory=TelnyxConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)


def merge_config(config: Config, change: dict[str, object]) -> Config:
    """The configuration with a (nested) change. Raises pydantic's ValidationError for unknown keys or bad values."""
    return Config.model_validate(_deep_merge(config.model_dump(), change))


def _deep_merge(base: dict[str, object], change: dict[str, object]) -> dict[str, object]:
    result = dict(base)
    for name, value in change.items():
        current = result.get(name)
        if isinstance(current, dict) and isinstance(value, dict):
            result[name] = _deep_merge(current, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            result[name] = value
    return result
