"""Contains all the data models used in inputs/outputs"""

from .account import Account
from .agent_error import AgentError
from .approval import Approval
from .approval_asked import ApprovalAsked
from .approval_decided import ApprovalDecided
from .approval_decided_decision import ApprovalDecidedDecision
from .approval_list import ApprovalList
from .asked_by import AskedBy
from .asked_by_kind import AskedByKind
from .audit_actor import AuditActor
from .audit_actor_kind import AuditActorKind
from .audit_entry import AuditEntry
from .audit_entry_details import AuditEntryDetails
from .audit_entry_outcome import AuditEntryOutcome
from .audit_page import AuditPage
from .audit_target import AuditTarget
from .audit_target_kind import AuditTargetKind
from .call_started import CallStarted
from .call_tool_body import CallToolBody
from .cancelled import Cancelled
from .capabilities import Capabilities
from .configure import Configure
from .configure_variables import ConfigureVariables
from .configured import Configured
from .create_instance import CreateInstance
from .credits_ import Credits
from .dashboard_instances import DashboardInstances
from .decidable_approval import DecidableApproval
from .decidable_approval_approver import DecidableApprovalApprover
from .decided import Decided
from .decided_status import DecidedStatus
from .delta import Delta
from .destroyed import Destroyed
from .error import Error
from .failed import Failed
from .file_output import FileOutput
from .fleet import Fleet
from .get_combined_document_response import GetCombinedDocumentResponse
from .get_services_document_response import GetServicesDocumentResponse
from .health import Health
from .instance import Instance
from .instance_created import InstanceCreated
from .instance_created_services import InstanceCreatedServices
from .instance_destroyed import InstanceDestroyed
from .instance_details import InstanceDetails
from .instance_list import InstanceList
from .instance_tool import InstanceTool
from .instance_tool_meta import InstanceToolMeta
from .key import Key
from .list_audit_log_action import ListAuditLogAction
from .list_instances_totals import ListInstancesTotals
from .list_operations_kind import ListOperationsKind
from .list_operations_status import ListOperationsStatus
from .listed_prompt import ListedPrompt
from .listed_prompt_model import ListedPromptModel
from .maintenance import Maintenance
from .operation_list import OperationList
from .operation_page import OperationPage
from .operation_page_error import OperationPageError
from .operation_page_kind import OperationPageKind
from .operation_page_result import OperationPageResult
from .operation_page_status import OperationPageStatus
from .operation_summary import OperationSummary
from .operation_summary_error import OperationSummaryError
from .operation_summary_kind import OperationSummaryKind
from .operation_summary_status import OperationSummaryStatus
from .pending_approval import PendingApproval
from .problem import Problem
from .prompt_approval_event import PromptApprovalEvent
from .prompt_call_event import PromptCallEvent
from .prompt_completed import PromptCompleted
from .prompt_completed_event import PromptCompletedEvent
from .prompt_created import PromptCreated
from .prompt_created_event import PromptCreatedEvent
from .prompt_decided_event import PromptDecidedEvent
from .prompt_delta_event import PromptDeltaEvent
from .prompt_error_event import PromptErrorEvent
from .prompt_list import PromptList
from .prompt_output_event import PromptOutputEvent
from .prompt_page import PromptPage
from .prompt_page_model import PromptPageModel
from .prompt_status import PromptStatus
from .provision import Provision
from .registry import Registry
from .rejection import Rejection
from .resource import Resource
from .resource_destroyed import ResourceDestroyed
from .service_status import ServiceStatus
from .set_maintenance import SetMaintenance
from .started import Started
from .status_batch import StatusBatch
from .status_total import StatusTotal
from .step_page import StepPage
from .step_page_status import StepPageStatus
from .submit_prompt_body import SubmitPromptBody
from .submit_prompt_body_model import SubmitPromptBodyModel
from .submit_prompt_body_stream import SubmitPromptBodyStream
from .submit_prompt_events import SubmitPromptEvents
from .text_output import TextOutput
from .tool import Tool
from .tool_config import ToolConfig
from .tool_failure import ToolFailure
from .tool_id import ToolId
from .tool_listing import ToolListing
from .tool_listing_input import ToolListingInput
from .tool_listing_output import ToolListingOutput
from .tool_output import ToolOutput
from .tool_provisioned import ToolProvisioned
from .tool_result import ToolResult
from .tool_success import ToolSuccess
from .tools import Tools
from .usage import Usage

__all__ = (
    "Account",
    "AgentError",
    "Approval",
    "ApprovalAsked",
    "ApprovalDecided",
    "ApprovalDecidedDecision",
    "ApprovalList",
    "AskedBy",
    "AskedByKind",
    "AuditActor",
    "AuditActorKind",
    "AuditEntry",
    "AuditEntryDetails",
    "AuditEntryOutcome",
    "AuditPage",
    "AuditTarget",
    "AuditTargetKind",
    "CallStarted",
    "CallToolBody",
    "Cancelled",
    "Capabilities",
    "Configure",
    "Configured",
    "ConfigureVariables",
    "CreateInstance",
    "Credits",
    "DashboardInstances",
    "DecidableApproval",
    "DecidableApprovalApprover",
    "Decided",
    "DecidedStatus",
    "Delta",
    "Destroyed",
    "Error",
    "Failed",
    "FileOutput",
    "Fleet",
    "GetCombinedDocumentResponse",
    "GetServicesDocumentResponse",
    "Health",
    "Instance",
    "InstanceCreated",
    "InstanceCreatedServices",
    "InstanceDestroyed",
    "InstanceDetails",
    "InstanceList",
    "InstanceTool",
    "InstanceToolMeta",
    "Key",
    "ListAuditLogAction",
    "ListedPrompt",
    "ListedPromptModel",
    "ListInstancesTotals",
    "ListOperationsKind",
    "ListOperationsStatus",
    "Maintenance",
    "OperationList",
    "OperationPage",
    "OperationPageError",
    "OperationPageKind",
    "OperationPageResult",
    "OperationPageStatus",
    "OperationSummary",
    "OperationSummaryError",
    "OperationSummaryKind",
    "OperationSummaryStatus",
    "PendingApproval",
    "Problem",
    "PromptApprovalEvent",
    "PromptCallEvent",
    "PromptCompleted",
    "PromptCompletedEvent",
    "PromptCreated",
    "PromptCreatedEvent",
    "PromptDecidedEvent",
    "PromptDeltaEvent",
    "PromptErrorEvent",
    "PromptList",
    "PromptOutputEvent",
    "PromptPage",
    "PromptPageModel",
    "PromptStatus",
    "Provision",
    "Registry",
    "Rejection",
    "Resource",
    "ResourceDestroyed",
    "ServiceStatus",
    "SetMaintenance",
    "Started",
    "StatusBatch",
    "StatusTotal",
    "StepPage",
    "StepPageStatus",
    "SubmitPromptBody",
    "SubmitPromptBodyModel",
    "SubmitPromptBodyStream",
    "SubmitPromptEvents",
    "TextOutput",
    "Tool",
    "ToolConfig",
    "ToolFailure",
    "ToolId",
    "ToolListing",
    "ToolListingInput",
    "ToolListingOutput",
    "ToolOutput",
    "ToolProvisioned",
    "ToolResult",
    "Tools",
    "ToolSuccess",
    "Usage",
)
