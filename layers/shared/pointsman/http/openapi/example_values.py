"""Typical values, of which the examples in the OpenAPI documents are composed. A test validates every example."""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "OPERATION_ID",
    "PARAMETERS_BY_OPERATION",
    "REQUESTS_BY_OPERATION",
    "RESPONSES_BY_OPERATION",
    "VALUES_BY_FORMAT",
    "VALUES_BY_NAME",
    "VALUES_BY_SCHEMA",
]

OPERATION_ID = "op-0123456789abcdef0123456789abcdef"
_INSTANCE_ID, _NAME, _RESOURCE_ID = "agent-7", "convos-agent-7", "key-4f2d9c"
_CURSOR = "1795342504.210000_6167656e742d37"
_INBOX = "agent-7@agentmail.to"
_SERVICE_ID = "5f0c6a52-7a0e-4a39-9d0e-0f6f1f6b7a11"
_ENVIRONMENT_ID = "c2a7e6d8-2b61-4f5b-8d2c-5f8e0f9a3b31"
_DOMAIN, _IMAGE = f"{_NAME}.up.railway.app", "ghcr.io/convos/agent:1.4.2"
_START, _END = "2026-11-22T10:15:00.000Z", "2026-11-22T10:15:04.210Z"
_WEBHOOK_ID, _DELIVERY_ID = "wh_0123456789abcdef0123456789abcdef", "msg_0123456789abcdef0123456789abcdef"
_WEBHOOK = {
    "id": _WEBHOOK_ID,
    "url": "https://example.org/hooks/pointsman",
    "description": "Tells the on-call bot",
    "enabled": True,
    "disabledReason": None,
    "failingSince": None,
    "createdAt": _START,
    "updatedAt": _START,
}
_USER_WEBHOOK = {**_WEBHOOK, "events": ["approval.requested", "prompt.failed"]}
_FLEET_WEBHOOK = {**_WEBHOOK, "events": ["operation.failed", "operation.leaked"]}
_SECRET = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAAAAAAAAAA="}
_DELIVERY = {
    "id": _DELIVERY_ID,
    "webhookId": _WEBHOOK_ID,
    "status": "pending",
    "attempts": 1,
    "responseStatus": 503,
    "error": "The target answered 503; any but 2xx is a failure",
    "nextAttemptAt": _END,
    "createdAt": _START,
    "updatedAt": _START,
}
_PROMPT_ID = "prompt-0123456789abcdef0123456789abcdef"
_CONVERSATION_ID = "conv-0123456789abcdef0123456789abcdef"
_TEXT_OUTPUT = {"type": "text", "content": "It is 10:15 in UTC.", "start": _START, "end": _END}
_USAGE = {"inputTokens": 812, "outputTokens": 40, "totalTokens": 852}
_CREATED = {
    "instanceId": _INSTANCE_ID,
    "serviceId": _SERVICE_ID,
    "url": f"https://{_DOMAIN}",
    "services": {"openrouter": {"resourceId": _RESOURCE_ID}},
}

VALUES_BY_NAME: Mapping[str, Any] = {
    "instanceId": _INSTANCE_ID,
    "instanceIds": [_INSTANCE_ID],
    "name": _NAME,
    "serviceId": _SERVICE_ID,
    "projectId": "0b9d5a34-51f0-4c39-8a15-3c7f6f0a2d21",
    "environmentId": _ENVIRONMENT_ID,
    "environmentIds": [_ENVIRONMENT_ID],
    "volumeId": "d41f7b90-3c72-4e6a-9e3d-7a9b1c0d4e41",
    "url": f"https://{_DOMAIN}",
    "domain": _DOMAIN,
    "image": _IMAGE,
    "runtimeImage": _IMAGE,
    "provider": "railway",
    "deployStatus": "SUCCESS",
    "tools": ["openrouter"],
    "services": {"openrouter": {"resourceId": _RESOURCE_ID}},
    "toolId": "openrouter",
    "resourceId": _RESOURCE_ID,
    "envKey": "OPENROUTER_API_KEY",
    "envKeys": ["OPENROUTER_API_KEY"],
    "variables": {"LOG_LEVEL": "debug"},
    "operationId": OPERATION_ID,
    "promptId": _PROMPT_ID,
    "conversationId": _CONVERSATION_ID,
    "webhookId": _WEBHOOK_ID,
    "deliveryId": _DELIVERY_ID,
    "webhook-id": _DELIVERY_ID,
    "webhook-timestamp": "1795342504",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    "previousDeployStatus": "DEPLOYING",
    "toolCallId": "call_1",
    "toolName": "instances.create",
    "asset": "scalar.js",
    "Idempotency-Key": "create-agent-7-once",
    "Last-Event-ID": "3",
    "lastEventId": "3",
    "Retry-After": 2,
    "Location": f"/operations/{OPERATION_ID}",
    "timezone": "UTC",
    "title": "What time is it?",
    "input": "What time is it?",
    "content": "It is 10:15 in UTC.",
    "reason": "It costs money",
    "message": "The model does not answer",
    "mimeType": "text/plain",
    "status": "active",
    "mode": "per-instance-key",
    "limit": 20,
}
"""By the name of a parameter, header or property, where they fit its schema."""

VALUES_BY_FORMAT: Mapping[str, str] = {
    "date-time": _START,
    "date": "2026-11-22",
    "time": "10:15:00Z",
    "duration": "PT15M",
    "uuid": _SERVICE_ID,
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "binary": "AA==",
    "base64url": "AA==",
}

VALUES_BY_SCHEMA: Mapping[str, object] = {
    "Capabilities": {"plugins": ["conversation", "time", "instances"]},
    "Webhook": _USER_WEBHOOK,
    "WebhookWithSecret": {**_USER_WEBHOOK, **_SECRET},
    "Delivery": {**_DELIVERY, "type": "prompt.failed"},
    "FleetWebhook": _FLEET_WEBHOOK,
    "FleetWebhookWithSecret": {**_FLEET_WEBHOOK, **_SECRET},
    "FleetDelivery": {**_DELIVERY, "type": "operation.failed"},
    "ToolListing": {
        "id": "time.now",
        "description": "The current date and time, in UTC or in another time zone",
        "tag": "time",
        "input": {"type": "object", "properties": {"timezone": {"type": "string", "default": "UTC"}}},
        "output": {"type": "object", "properties": {"now": {"type": "string", "format": "date-time"}}},
    },
    "ToolResult": {"result": {"now": _START, "timezone": "UTC"}},
    "TextOutput": _TEXT_OUTPUT,
    "Usage": _USAGE,
    "PromptPage": {
        "id": _PROMPT_ID,
        "input": "What time is it?",
        "model": "normal",
        "status": "completed",
        "outputs": [_TEXT_OUTPUT],
        "usage": _USAGE,
        "createdAt": _START,
        "updatedAt": _END,
    },
    "InstanceCreated": _CREATED,
    "OperationPage": {
        "operationId": OPERATION_ID,
        "instanceId": _INSTANCE_ID,
        "kind": "create",
        "status": "succeeded",
        "steps": [{"name": "create_service", "status": "succeeded", "startedAt": _START, "endedAt": _END}],
        "resources": [
            {
                "provider": "railway",
                "kind": "service",
                "resourceId": _SERVICE_ID,
                "state": "created",
                "attemptedAt": _START,
            }
        ],
        "result": _CREATED,
        "createdAt": _START,
        "updatedAt": _END,
    },
    "Spend": {"limit": 20.0, "limitRemaining": 17.5, "limitReset": "monthly", "usage": 2.5, "asOf": _START},
    "Tool": {"id": "openrouter", "name": "OpenRouter", "mode": "per-instance-key", "envKeys": ["OPENROUTER_API_KEY"]},
    "Account": {"total": 100.0, "used": 12.5, "remaining": 87.5},
    "Key": {
        "id": _RESOURCE_ID,
        "name": _NAME,
        "instanceId": _INSTANCE_ID,
        "limit": 20.0,
        "limitRemaining": 17.5,
        "limitReset": "monthly",
        "usage": 2.5,
        "usageDaily": 0.5,
        "usageWeekly": 1.0,
        "usageMonthly": 2.5,
        "disabled": False,
        "createdAt": _START,
    },
}
"""Examples of our own schemas, by name, where composed ones would not be typical."""

PARAMETERS_BY_OPERATION: Mapping[str, Mapping[str, str]] = {
    "callTool": {"toolId": "time.now"},
    "provisionResource": {"toolId": "agentmail"},
    "destroyInstance": {"Confirm-Destroy": _INSTANCE_ID},
    "destroyResource": {"toolId": "agentmail", "resourceId": _INBOX},
    "listDashboardInstances": {"cursor": _CURSOR},
    "listInstances": {
        "status": "SUCCESS",
        "tool": "agentmail",
        "search": "agent-",
        "sort": "id_asc",
        "cursor": _CURSOR,
    },
    "getFleetHistory": {"from": _START, "to": "2026-11-23T10:15:00.000Z"},
    "listOrphans": {"provider": "openrouter", "decision": "reported", "cursor": _CURSOR},
    "listOperations": {"status": "leaked", "kind": "create", "cursor": _CURSOR},
    "listPrompts": {"status": "waiting", "conversationId": _CONVERSATION_ID, "cursor": _CURSOR},
    "listWebhooks": {"cursor": _CURSOR},
    "listDeliveries": {"status": "failed", "cursor": _CURSOR},
    "listFleetWebhooks": {"cursor": _CURSOR},
    "listFleetDeliveries": {"status": "failed", "cursor": _CURSOR},
    "followChat": {"chatId": "thread-1"},
    "listAuditLog": {"actor": "services", "target": _INSTANCE_ID, "cursor": _CURSOR},
}
REQUESTS_BY_OPERATION: Mapping[str, object] = {
    "getFleetStatus": {"instanceIds": [_INSTANCE_ID]},
    "callTool": {"timezone": "UTC"},
    "submitPrompt": {"input": "What time is it?"},
    "approveCall": {"toolCallId": "call_1"},
    "createWebhook": {"url": "https://example.org/hooks/pointsman", "events": ["approval.requested"]},
    "updateWebhook": {"enabled": True},
    "createFleetWebhook": {"url": "https://example.org/hooks/pointsman", "events": ["operation.failed"]},
    "updateFleetWebhook": {"enabled": True},
    "rejectCall": {"toolCallId": "call_1", "reason": "Not today"},
}
_DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Pointsman", "version": "1.0.0"}, "paths": {}}
RESPONSES_BY_OPERATION: Mapping[str, object] = {
    "provisionResource": {
        "toolId": "agentmail",
        "resourceId": _INBOX,
        "envKey": "AGENTMAIL_INBOX_ID",
        "status": "active",
    },
    "destroyResource": {"toolId": "agentmail", "resourceId": _INBOX, "deleted": True},
    "listAuditLog": {
        "entries": [
            {
                "id": "1f0e8a52-6a0f-4a39-9d0e-0f6f1f6b7a11",
                "at": _END,
                "actor": {"kind": "key", "id": "services"},
                "address": "203.0.113.7",
                "userAgent": "node",
                "action": "instance.create",
                "target": {"kind": "instance", "id": _INSTANCE_ID},
                "outcome": "succeeded",
                "requestId": "Zt3qXhcHIAMEYxg=",
                "operationId": OPERATION_ID,
                "details": {"name": _NAME, "tools": ["agentmail"]},
            }
        ],
        "nextCursor": _CURSOR,
    },
    "getFleetHistory": {
        "from": _START,
        "to": "2026-11-23T10:15:00.000Z",
        "stepSeconds": 300,
        "points": [{"at": _START, "totals": [{"status": "SUCCESS", "count": 812}, {"status": "CRASHED", "count": 3}]}],
    },
    "listOrphans": {
        "orphans": [
            {
                "id": "1f0e8a52-6a0f-4a39-9d0e-0f6f1f6b7a11",
                "provider": "openrouter",
                "kind": "tool",
                "resourceId": _RESOURCE_ID,
                "name": _NAME,
                "firstSeen": _START,
                "lastSeen": _END,
                "sightings": 14,
                "decision": "reported",
                "reason": "set ORPHANS=delete or delete it by hand",
                "decidedAt": _END,
            }
        ],
        "nextCursor": _CURSOR,
    },
    "getHealthDetails": {
        "versions": {"bundle": "1.4.0", "python": "3.13.1", "schema": "0022"},
        "schedules": [
            {
                "name": "status_poller",
                "everySeconds": 60,
                "outcome": "succeeded",
                "startedAt": _START,
                "endedAt": _END,
                "succeededAt": _END,
                "error": None,
                "isOverdue": False,
            }
        ],
        "hours": 24,
        "providers": [
            {
                "provider": "railway",
                "steps": 412,
                "failed": 1,
                "lastFailure": {
                    "at": _END,
                    "step": "deploy",
                    "operationId": OPERATION_ID,
                    "error": "Railway: deploy: no answer",
                },
            }
        ],
    },
    "rejectCall": {"promptId": _PROMPT_ID, "toolCallId": "call_1", "status": "rejected"},
    "cancelPrompt": {"promptId": _PROMPT_ID, "status": "cancelled"},
    "getDocsPage": "<!doctype html><title>Pointsman</title>",
    "getDocsAsset": "// The script of the documentation",
    "getCombinedDocument": _DOCUMENT,
    "getServicesDocument": _DOCUMENT,
}
"""Parameters, and bodies, by operation, where they depend on what is done."""
