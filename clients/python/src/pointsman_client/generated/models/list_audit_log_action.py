from typing import Literal

ListAuditLogAction = Literal[
    "approval.approve",
    "approval.reject",
    "instance.configure",
    "instance.create",
    "instance.destroy",
    "instance.redeploy",
    "maintenance.off",
    "maintenance.on",
    "operation.abandon",
    "operation.retry",
    "orphan.delete",
    "prompt.cancel",
    "tool.destroy",
    "tool.provision",
    "webhook.create",
    "webhook.delete",
    "webhook.disable",
    "webhook.rotate_secret",
    "webhook.update",
]

LIST_AUDIT_LOG_ACTION_VALUES: set[ListAuditLogAction] = {
    "approval.approve",
    "approval.reject",
    "instance.configure",
    "instance.create",
    "instance.destroy",
    "instance.redeploy",
    "maintenance.off",
    "maintenance.on",
    "operation.abandon",
    "operation.retry",
    "orphan.delete",
    "prompt.cancel",
    "tool.destroy",
    "tool.provision",
    "webhook.create",
    "webhook.delete",
    "webhook.disable",
    "webhook.rotate_secret",
    "webhook.update",
}


def check_list_audit_log_action(value: str) -> ListAuditLogAction:
    if value in LIST_AUDIT_LOG_ACTION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_AUDIT_LOG_ACTION_VALUES!r}")
