from typing import Literal

AuditTargetKind = Literal["fleet", "instance", "prompt", "resource", "service", "webhook"]

AUDIT_TARGET_KIND_VALUES: set[AuditTargetKind] = {
    "fleet",
    "instance",
    "prompt",
    "resource",
    "service",
    "webhook",
}


def check_audit_target_kind(value: str) -> AuditTargetKind:
    if value in AUDIT_TARGET_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AUDIT_TARGET_KIND_VALUES!r}")
