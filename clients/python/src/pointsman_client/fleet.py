"""The Services API: a fleet of agent instances, and the operations that create and destroy them."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from .connection import Credential, build_bearer, call, get_or_unset, iterate_pages, open_client
from .generated.api.services_api import (
    configure_instance,
    create_instance,
    destroy_instance,
    destroy_resource,
    get_instance,
    list_audit_log,
    list_instances,
    provision_resource,
    redeploy_instance,
)
from .generated.models import (
    AuditEntry,
    AuditPage,
    Configure,
    Configured,
    ConfigureVariables,
    CreateInstance,
    InstanceCreated,
    InstanceDestroyed,
    InstanceDetails,
    InstanceList,
    ListAuditLogAction,
    ListedInstance,
    Provision,
    ResourceDestroyed,
    Started,
    ToolConfig,
    ToolId,
    ToolProvisioned,
)
from .operations import WAIT_SECONDS, OperationMethods
from .retries import RetryPolicy

__all__ = ["Fleet"]


class Fleet(OperationMethods):
    """A client of the Services API.

    Each request that changes something has an `Idempotency-Key`, and is repeated with it after no answer, or a 429,
    502, 503 or 504. What takes longer than one request is waited for. All methods raise `PointsmanError`.

    Args:
        base_url: such as `https://agents.example.org`.
        api_key: of the Services API; with one that may only read, changes raise `FORBIDDEN`.
        retries: how often a request is repeated.
        timeout: seconds without a byte of an answer.
        verify: how TLS certificates are verified, as httpx takes it.

    Attributes:
        client: the generated client, for those functions of `pointsman_client.generated.api` that have no method here.
            They are repeated and raise in the same way.

    Raises:
        ValueError: no header can hold the key, or the address is none.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        retries: RetryPolicy | None = None,
        timeout: float = 60.0,
        verify: bool | ssl.SSLContext = True,
    ) -> None:
        self.base_url = base_url
        client = open_client(
            base_url,
            Credential({"Authorization": build_bearer(api_key)}),
            policy=retries or RetryPolicy(),
            is_repeatable=lambda _: True,
            timeout=timeout,
            verify=verify,
        )
        super().__init__(client)

    def __repr__(self) -> str:
        return f"Fleet({self.base_url!r})"

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self.client.get_httpx_client().close()

    def list_instances(
        self, *, status: str | None = None, tool: ToolId | None = None, search: str | None = None
    ) -> Iterator[ListedInstance]:
        """Iterate over the instances, the newest first.

        Args:
            status: their `deployStatus`; `UNKNOWN` for none.
            tool: one that they have.
            search: what their ids begin with.
        """
        for page in iterate_pages(
            lambda cursor: call(
                list_instances.sync,
                InstanceList,
                client=self.client,
                status=get_or_unset(status),
                tool=get_or_unset(tool),
                search=get_or_unset(search),
                cursor=cursor,
            )
        ):
            yield from page.instances

    def get_instance(self, instance_id: str) -> InstanceDetails:
        """Return an instance with its tools and its newest operations."""
        return call(get_instance.sync, InstanceDetails, instance_id, client=self.client)

    def create_instance(
        self,
        instance_id: str,
        name: str | None = None,
        *,
        tools: Sequence[ToolId] = (),
        idempotency_key: str | None = None,
        timeout: float = WAIT_SECONDS,
    ) -> InstanceCreated:
        """Create an instance and wait until it exists.

        Args:
            instance_id: its id.
            name: of its service, at most 32 characters; by default `convos-agent-<instance_id>`.
            tools: what it has.
            idempotency_key: of the request; the same key again answers with the first request's result.
            timeout: seconds to wait.

        Raises:
            OperationFailed: it could not be created; what had been created was undone, or is in `left`.
            WaitTimeout: the create goes on.
        """
        body = CreateInstance(instance_id=instance_id, name=name or f"convos-agent-{instance_id}", tools=list(tools))
        return self._operate(
            lambda: call(
                create_instance.sync,
                (InstanceCreated, Started),
                client=self.client,
                body=body,
                idempotency_key=get_or_unset(idempotency_key),
            ),
            InstanceCreated,
            timeout,
        )

    def destroy_instance(
        self,
        instance_id: str,
        *,
        confirm: str | None = None,
        idempotency_key: str | None = None,
        timeout: float = WAIT_SECONDS,
    ) -> InstanceDestroyed:
        """Destroy an instance with all that it has, and wait until nothing is left.

        Args:
            instance_id: its id.
            confirm: the id once more, from a person who means it, after a 409 `DESTROYS_HELD`.
            idempotency_key: of the request.
            timeout: seconds to wait.

        Raises:
            OperationFailed: something could not be deleted; it is in `left`.
            WaitTimeout: the destroy goes on.
        """
        return self._operate(
            lambda: call(
                destroy_instance.sync,
                (InstanceDestroyed, Started),
                instance_id,
                client=self.client,
                confirm_destroy=get_or_unset(confirm),
                idempotency_key=get_or_unset(idempotency_key),
            ),
            InstanceDestroyed,
            timeout,
        )

    def provision_tool(
        self,
        instance_id: str,
        tool: ToolId,
        *,
        limit: float | None = None,
        idempotency_key: str | None = None,
        timeout: float = WAIT_SECONDS,
    ) -> ToolProvisioned:
        """Give an instance another tool, and wait until it has it.

        Args:
            instance_id: the instance's id.
            tool: the tool.
            limit: of an OpenRouter key, in USD.
            idempotency_key: of the request.
            timeout: seconds to wait.

        Raises:
            OperationFailed: it could not be created.
            WaitTimeout: the operation goes on.
        """
        config = ToolConfig(limit=limit) if limit is not None else None
        return self._operate(
            lambda: call(
                provision_resource.sync,
                (ToolProvisioned, Started),
                instance_id,
                tool,
                client=self.client,
                body=Provision(config=get_or_unset(config)),
                idempotency_key=get_or_unset(idempotency_key),
            ),
            ToolProvisioned,
            timeout,
        )

    def destroy_tool(
        self,
        instance_id: str,
        tool: ToolId,
        resource_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float = WAIT_SECONDS,
    ) -> ResourceDestroyed:
        """Delete a tool's resource of an instance, and wait until it is gone.

        Raises:
            OperationFailed: it could not be deleted.
            WaitTimeout: the operation goes on.
        """
        return self._operate(
            lambda: call(
                destroy_resource.sync,
                (ResourceDestroyed, Started),
                instance_id,
                tool,
                resource_id,
                client=self.client,
                idempotency_key=get_or_unset(idempotency_key),
            ),
            ResourceDestroyed,
            timeout,
        )

    def redeploy_instance(self, instance_id: str, *, idempotency_key: str | None = None) -> Configured:
        """Deploy an instance's service again."""
        key = get_or_unset(idempotency_key)
        return call(redeploy_instance.sync, Configured, instance_id, client=self.client, idempotency_key=key)

    def configure_instance(
        self,
        instance_id: str,
        variables: Mapping[str, str],
        *,
        redeploy: bool = False,
        idempotency_key: str | None = None,
    ) -> Configured:
        """Set variables of an instance's service.

        Args:
            instance_id: the instance's id.
            variables: values by name.
            redeploy: whether the service is deployed with them; else they wait for the next deployment.
            idempotency_key: of the request.
        """
        return call(
            configure_instance.sync,
            Configured,
            instance_id,
            client=self.client,
            body=Configure(variables=ConfigureVariables.from_dict(variables), redeploy=redeploy),
            idempotency_key=get_or_unset(idempotency_key),
        )

    def list_audit_log(
        self,
        *,
        actor: str | None = None,
        action: ListAuditLogAction | None = None,
        target: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Iterate over the audit log, the newest entries first.

        Args:
            actor: the id of who has changed something.
            action: such as `instance.create`.
            target: the id of what was changed.
            since: included; with an offset.
            until: not included; with an offset.
        """
        for page in iterate_pages(
            lambda cursor: call(
                list_audit_log.sync,
                AuditPage,
                client=self.client,
                actor=get_or_unset(actor),
                action=get_or_unset(action),
                target=get_or_unset(target),
                from_=get_or_unset(since),
                to=get_or_unset(until),
                cursor=cursor,
            )
        ):
            yield from page.entries
