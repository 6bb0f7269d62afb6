"""Injection of a case's faults at the simulator."""

from typing import Any

from .cases import LAGS, LIST_FAILURE, LIST_FAILURES, LISTS, Call, Fault, Scenario
from .fault_stack import FaultStack

__all__ = ["has_struck", "inject_base_faults", "inject_call_fault", "inject_fault"]


def inject_base_faults(fault_stack: FaultStack, scenario: Scenario) -> None:
    for provider, operation, kind in scenario.base_faults:
        fault_stack.simulator.inject_fault(provider, operation, kind, times=None)  # type: ignore[arg-type]


def inject_fault(fault_stack: FaultStack, call: Call | None, kind: str, **options: Any) -> int:
    assert call is not None
    return fault_stack.simulator.inject_fault(call.provider, call.operation, kind, after=call.occurrence - 1, **options)  # type: ignore[arg-type]


def inject_call_fault(fault_stack: FaultStack, call: Call | None, fault: Fault) -> int:
    """Inject the fault at the call, and where lists are to fail and lag, that too."""
    assert call is not None
    if not fault.lagging:
        return inject_fault(fault_stack, call, fault.kind, **fault.options)
    fault_stack.simulator.update_config(LAGS)
    is_list = call.operation in LISTS[call.provider]
    fault_id = inject_fault(fault_stack, call, LIST_FAILURE if is_list else fault.kind, **fault.options)
    for operation in LISTS[call.provider]:
        fault_stack.simulator.inject_fault(call.provider, operation, LIST_FAILURE, times=LIST_FAILURES)  # type: ignore[arg-type]
    return fault_id


def has_struck(fault_stack: FaultStack, fault_id: int) -> bool:
    return any(fault["id"] == fault_id and fault["struck"] for fault in fault_stack.simulator.list_faults())
