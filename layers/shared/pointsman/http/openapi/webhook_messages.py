"""The messages that webhooks get, for the `webhooks` of the OpenAPI documents."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from ...agent import Timestamp
from .schema import Document, json_content

__all__ = ["FLEET_MESSAGES", "USER_MESSAGES", "build_webhooks"]


class PromptEndedData(TypedDict):
    promptId: str
    conversationId: NotRequired[str]
    status: Literal["completed", "failed", "cancelled"]


class PromptEndedMessage(TypedDict):
    """A prompt has ended; its page has the outputs or the error."""

    type: Literal["prompt.completed", "prompt.failed", "prompt.cancelled"]
    timestamp: Timestamp
    data: PromptEndedData


class ApprovalRequestedData(TypedDict):
    promptId: str
    toolCallId: str
    toolName: str
    approver: Literal["self", "other"]


class ApprovalRequestedMessage(TypedDict):
    """A prompt waits for a person, who is shown the call's input by the list of approvals."""

    type: Literal["approval.requested"]
    timestamp: Timestamp
    data: ApprovalRequestedData


class ApprovalDecidedData(TypedDict):
    promptId: str
    toolCallId: str
    toolName: str
    decision: Literal["approved", "rejected", "expired"]
    decidedBy: NotRequired[str]


class ApprovalDecidedMessage(TypedDict):
    type: Literal["approval.decided"]
    timestamp: Timestamp
    data: ApprovalDecidedData


class InstanceData(TypedDict):
    instanceId: str


class InstanceDestroyedMessage(TypedDict):
    type: Literal["instance.destroyed"]
    timestamp: Timestamp
    data: InstanceData


class InstanceCreatedData(InstanceData):
    deployStatus: str | None


class InstanceCreatedMessage(TypedDict):
    type: Literal["instance.created"]
    timestamp: Timestamp
    data: InstanceCreatedData


class InstanceStatusData(InstanceCreatedData):
    previousDeployStatus: str | None


class InstanceStatusMessage(TypedDict):
    type: Literal["instance.status_changed"]
    timestamp: Timestamp
    data: InstanceStatusData


class OperationEndedData(InstanceData):
    operationId: str
    kind: Literal["create", "destroy", "provision", "destroy_tool"]
    status: Literal["succeeded", "failed", "leaked"]


class OperationEndedMessage(TypedDict):
    """An operation has ended; its page has the result or the error. A leaked one may end once more, as `failed`."""

    type: Literal["operation.succeeded", "operation.failed", "operation.leaked"]
    timestamp: Timestamp
    data: OperationEndedData


Messages = Mapping[str, tuple[type[Any], str]]

USER_MESSAGES: Messages = {
    "promptEnded": (PromptEndedMessage, "One of your prompts has ended"),
    "approvalRequested": (ApprovalRequestedMessage, "One of your prompts waits for an approval"),
    "approvalDecided": (ApprovalDecidedMessage, "An approval of one of your prompts was decided, or has expired"),
}
FLEET_MESSAGES: Messages = {
    "instanceCreated": (InstanceCreatedMessage, "An instance was created"),
    "instanceDestroyed": (InstanceDestroyedMessage, "An instance was destroyed"),
    "instanceStatusChanged": (InstanceStatusMessage, "The deployment of an instance has another status"),
    "operationEnded": (OperationEndedMessage, "An operation has ended"),
}
"""What is sent to a user's webhooks and to the deployment's, by the name in the document."""

_HEADERS = {
    "webhook-id": "The message's id, the same for each attempt",
    "webhook-timestamp": "Seconds since 1970, at the attempt",
    "webhook-signature": "`v1,` and a signature in base64; several are separated by spaces",
}


def build_webhooks(messages: Messages, tag: str, make_reference: Callable[[type[Any]], Document]) -> Document:
    """Describe the messages as OpenAPI's `webhooks`.

    Args:
        messages: `USER_MESSAGES` or `FLEET_MESSAGES`.
        tag: of the API.
        make_reference: makes a reference (`$ref`) to the schema of a message's type.
    """
    headers = [
        {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in _HEADERS.items()
    ]
    return {
        name: {
            "post": {
                "tags": [tag],
                "summary": summary,
                "operationId": f"receive{name[:1].upper()}{name[1:]}",
                "parameters": headers,
                "requestBody": {"required": True, "content": json_content(make_reference(model))},
                "responses": {"2XX": {"description": "Taken; any other status is tried again"}},
                "security": list[object](),
            }
        }
        for name, (model, summary) in messages.items()
    }
