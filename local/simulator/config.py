"""Configuration of the providers' behaviour. The defaults follow the providers' documentation, without latency.

Keys for unverified behaviour let a client be tested against each possibility.
"""

from typing import Literal

from pydantic import BaseModel, Field


class _StrictModel(BaseModel, extra="forbid"):
    pass


class RateLimit(_StrictModel):
    """A fixed window; `requests` None means no limit, and headers then report a large one."""

    requests: int | None = None
    window_s: float = 1.0


class ProviderConfig(_StrictModel):
    """Settings of every provider; `refused_tokens` are rejected as invalid credentials."""

    refused_tokens: list[str] = Field(default=["bad-token"])
    rate_limit: RateLimit = Field(default_factory=RateLimit)


FinalDeploymentStatus = Literal["SUCCESS", "FAILED", "CRASHED", "REMOVED", "SLEEPING", "SKIPPED"]


class RailwayConfig(ProviderConfig):
    """Railway: page sizes, read lag, throttles, deployments, and unverified behaviour. Durations are in seconds.

    Attributes:
        overlong_names: What happens to a service name over 32 characters.
        delete_twice: The error message for deleting an unknown or deleted object.
        service_lag_s: How long a new service stays hidden from reads; `volume_lag_s` likewise for volumes.
        lag_refuses_dependents: Whether a mutation that refers to a hidden service fails.
        volume_throttle_s: The minimum time between two volume creations; `project_throttle_s` likewise for projects.
        deploy_end: The status that a deployment reaches after `deploy_seconds`.
        missing_projects: Ids of projects that the API reports as not found.
        max_volumes: The volume quota; None for no limit.
        service_delete_deletes_volume: Whether deleting a service deletes its volume; otherwise the volume is detached.
        volume_on_deployed_service: Whether a volume can be created on a service that has been deployed.
        early_update_ignored: Whether an instance update before the first deployment has no effect.
    """

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
    """OpenRouter: the page size of key lists, their lag in seconds, and the credits in USD."""

    page_size: int = 100
    list_lag_s: float = 0.0
    total_credits: float = 100.5
    total_usage: float = 25.75


class AgentMailConfig(ProviderConfig):
    """AgentMail: inbox quota, address conflicts, deletion, pages, and sending.

    Attributes:
        inbox_limit: The inbox quota; None for no limit.
        taken_status: The HTTP status of an address conflict.
        taken_usernames: Usernames that are in use by another customer.
        delete_seconds: How long a deleted inbox blocks its address and client id (409 `resource_deleting`).
        client_id_after_delete: Creation with a deleted inbox's client id: a new inbox, the deleted one, or a 409.
        address_reusable: Whether a deleted inbox's address can be used again.
        empty_page_with_token: Whether a list starts with an empty page and a token.
        send_lag_s: How long sending from a new inbox answers 404.
        list_lag_s: How long a new inbox stays hidden from lists.
    """

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
    list_lag_s: float = 0.0


class TelnyxConfig(ProviderConfig):
    """Telnyx: orders, number visibility, error codes, balance in USD, and pages. Names in `_s` are in seconds.

    Attributes:
        order_seconds: How long an order stays pending before `order_end`.
        failing_numbers: E.164 numbers whose order fails.
        taken_numbers: E.164 numbers that belong to another customer (85001).
        number_lag_s: How long a number stays hidden after its order has ended.
        number_error_status: The HTTP status of the 85xxx errors.
        already_ours_code: The error code for ordering a number that the account owns; `10012` comes with HTTP 409.
        search_valid_s: How long a number can be ordered after a search returned it (85000 afterwards).
        copy_customer_reference: Whether an order's `customer_reference` is copied to its numbers.
        e164_as_id: Whether number endpoints accept E.164 in place of the id.
        balance_usd: The funds for orders; None for no limit. `funds_status` is the HTTP status of the error 20100.
        release_hold_s: How long a released number counts as held (`filter[exclude_held_numbers]`).
    """

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
    """The model: error shape, unavailable models, reasoning, stream noise, and timing.

    Attributes:
        missing_models: Model names that get `model_not_found`.
        seals_reasoning: Whether `reasoning.encrypted_content` can be included. It is bound to the model and the key.
        organization: The owner of all keys, which encrypted reasoning is bound to as well.
        refused_item_types: Types of items that are refused in an input, as by a server that does not know them.
        refused_text: An input with this text anywhere is refused, by a 400 that names nothing; empty for none.
        context_length: Characters of an input, as JSON, over which it is refused; None for no limit.
        max_name_length: Characters of a function's name.
        parses_arguments: Whether the arguments of a replayed call must be the JSON of an object.
        stream_content_type: The content type of a streamed response; None for none.
        noise: Whether a stream carries comments and unknown events.
        done: Whether a stream ends with `data: [DONE]`.
        latency_s: Seconds before every response.
        gap_s: Seconds between the deltas of a streamed response.
    """

    error_shape: Literal["openai", "openrouter"] = "openai"
    missing_models: list[str] = Field(default_factory=list[str])
    seals_reasoning: bool = True
    organization: str = "simulated"
    refused_item_types: list[str] = Field(default_factory=list[str])
    refused_text: str = ""
    context_length: int | None = None
    max_name_length: int = 128
    parses_arguments: bool = False
    stream_content_type: str | None = "text/event-stream"
    noise: bool = True
    done: bool = True
    latency_s: float = 0.0
    gap_s: float = 0.0


class Config(_StrictModel):
    """The whole configuration.

    Attributes:
        latency_ms: Milliseconds before the execution of every request.
        latency_after_ms: Milliseconds between execution and response.
    """

    latency_ms: float = 0.0
    latency_after_ms: float = 0.0
    railway: RailwayConfig = Field(default_factory=RailwayConfig)
    openrouter: OpenRouterConfig = Field(default_factory=OpenRouterConfig)
    agentmail: AgentMailConfig = Field(default_factory=AgentMailConfig)
    telnyx: TelnyxConfig = Field(default_factory=TelnyxConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)


def merge_config(config: Config, change: dict[str, object]) -> Config:
    """Return the configuration with a nested change merged into it.

    Raises:
        ValidationError: An unknown key or an invalid value (pydantic).
    """
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
