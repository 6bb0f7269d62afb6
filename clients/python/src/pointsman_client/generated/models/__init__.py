"""Contains all the data models used in inputs/outputs"""

from .account import Account
from .agent_error import AgentError
from .approval import Approval
from .approval_asked import ApprovalAsked
from .approval_decided import ApprovalDecided
from .approval_decided_data import ApprovalDecidedData
from .approval_decided_data_decision import ApprovalDecidedDataDecision
from .approval_decided_decision import ApprovalDecidedDecision
from .approval_decided_message import ApprovalDecidedMessage
from .approval_list import ApprovalList
from .approval_requested_data import ApprovalRequestedData
from .approval_requested_data_approver import ApprovalRequestedDataApprover
from .approval_requested_message import ApprovalRequestedMessage
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
from .delivery import Delivery
from .delivery_list import DeliveryList
from .delivery_status import DeliveryStatus
from .delivery_type import DeliveryType
from .delta import Delta
from .destroyed import Destroyed
from .error import Error
from .failed import Failed
from .file_output import FileOutput
from .fleet import Fleet
from .fleet_delivery import FleetDelivery
from .fleet_delivery_page import FleetDeliveryPage
from .fleet_delivery_status import FleetDeliveryStatus
from .fleet_delivery_type import FleetDeliveryType
from .fleet_history import FleetHistory
from .fleet_webhook import FleetWebhook
from .fleet_webhook_changes import FleetWebhookChanges
from .fleet_webhook_changes_events_item import FleetWebhookChangesEventsItem
from .fleet_webhook_deleted import FleetWebhookDeleted
from .fleet_webhook_events_item import FleetWebhookEventsItem
from .fleet_webhook_page import FleetWebhookPage
from .fleet_webhook_with_secret import FleetWebhookWithSecret
from .fleet_webhook_with_secret_events_item import FleetWebhookWithSecretEventsItem
from .get_combined_document_response import GetCombinedDocumentResponse
from .get_operation_resources import GetOperationResources
from .get_services_document_response import GetServicesDocumentResponse
from .health import Health
from .health_details import HealthDetails
from .history_point import HistoryPoint
from .instance import Instance
from .instance_created import InstanceCreated
from .instance_created_data import InstanceCreatedData
from .instance_created_message import InstanceCreatedMessage
from .instance_created_services import InstanceCreatedServices
from .instance_data import InstanceData
from .instance_destroyed import InstanceDestroyed
from .instance_destroyed_message import InstanceDestroyedMessage
from .instance_details import InstanceDetails
from .instance_list import InstanceList
from .instance_status_data import InstanceStatusData
from .instance_status_message import InstanceStatusMessage
from .instance_tool import InstanceTool
from .instance_tool_meta import InstanceToolMeta
from .key import Key
from .list_audit_log_action import ListAuditLogAction
from .list_deliveries_status import ListDeliveriesStatus
from .list_fleet_deliveries_status import ListFleetDeliveriesStatus
from .list_instances_sort import ListInstancesSort
from .list_instances_totals import ListInstancesTotals
from .list_operations_kind import ListOperationsKind
from .list_operations_status import ListOperationsStatus
from .list_orphans_decision import ListOrphansDecision
from .list_orphans_provider import ListOrphansProvider
from .listed_instance import ListedInstance
from .listed_prompt import ListedPrompt
from .listed_prompt_model import ListedPromptModel
from .maintenance import Maintenance
from .new_fleet_webhook import NewFleetWebhook
from .new_fleet_webhook_events_item import NewFleetWebhookEventsItem
from .new_webhook import NewWebhook
from .new_webhook_events_item import NewWebhookEventsItem
from .operation_ended_data import OperationEndedData
from .operation_ended_data_kind import OperationEndedDataKind
from .operation_ended_data_status import OperationEndedDataStatus
from .operation_ended_message import OperationEndedMessage
from .operation_ended_message_type import OperationEndedMessageType
from .operation_list import OperationList
from .operation_page import OperationPage
from .operation_page_error import OperationPageError
from .operation_page_kind import OperationPageKind
from .operation_page_result import OperationPageResult
from .operation_page_status import OperationPageStatus
from .operation_resource import OperationResource
from .operation_resource_kind import OperationResourceKind
from .operation_resource_provider import OperationResourceProvider
from .operation_resource_state import OperationResourceState
from .operation_summary import OperationSummary
from .operation_summary_error import OperationSummaryError
from .operation_summary_kind import OperationSummaryKind
from .operation_summary_status import OperationSummaryStatus
from .orphan import Orphan
from .orphan_decision import OrphanDecision
from .orphan_kind import OrphanKind
from .orphan_list import OrphanList
from .orphan_provider import OrphanProvider
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
from .prompt_ended_data import PromptEndedData
from .prompt_ended_data_status import PromptEndedDataStatus
from .prompt_ended_message import PromptEndedMessage
from .prompt_ended_message_type import PromptEndedMessageType
from .prompt_error_event import PromptErrorEvent
from .prompt_list import PromptList
from .prompt_output_event import PromptOutputEvent
from .prompt_page import PromptPage
from .prompt_page_model import PromptPageModel
from .prompt_status import PromptStatus
from .provider_state import ProviderState
from .provider_state_provider import ProviderStateProvider
from .provision import Provision
from .registry import Registry
from .rejection import Rejection
from .resource import Resource
from .resource_destroyed import ResourceDestroyed
from .run_agui_body import RunAguiBody
from .run_agui_body_context_item import RunAguiBodyContextItem
from .run_agui_body_forwarded_props import RunAguiBodyForwardedProps
from .run_agui_body_forwarded_props_model import RunAguiBodyForwardedPropsModel
from .run_agui_body_messages_item import RunAguiBodyMessagesItem
from .run_agui_body_resume_item import RunAguiBodyResumeItem
from .run_agui_body_tools_item import RunAguiBodyToolsItem
from .run_agui_response import RunAguiResponse
from .schedule_state import ScheduleState
from .schedule_state_name import ScheduleStateName
from .schedule_state_outcome import ScheduleStateOutcome
from .send_chat_message_body import SendChatMessageBody
from .send_chat_message_body_messages_item import SendChatMessageBodyMessagesItem
from .send_chat_message_body_model import SendChatMessageBodyModel
from .send_chat_message_response import SendChatMessageResponse
from .service_status import ServiceStatus
from .set_maintenance import SetMaintenance
from .spend import Spend
from .started import Started
from .status_batch import StatusBatch
from .status_total import StatusTotal
from .step_failure import StepFailure
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
from .versions import Versions
from .webhook import Webhook
from .webhook_changes import WebhookChanges
from .webhook_changes_events_item import WebhookChangesEventsItem
from .webhook_deleted import WebhookDeleted
from .webhook_events_item import WebhookEventsItem
from .webhook_list import WebhookList
from .webhook_with_secret import WebhookWithSecret
from .webhook_with_secret_events_item import WebhookWithSecretEventsItem

__all__ = (
    "Account",
    "AgentError",
    "Approval",
    "ApprovalAsked",
    "ApprovalDecided",
    "ApprovalDecidedData",
    "ApprovalDecidedDataDecision",
    "ApprovalDecidedDecision",
    "ApprovalDecidedMessage",
    "ApprovalList",
    "ApprovalRequestedData",
    "ApprovalRequestedDataApprover",
    "ApprovalRequestedMessage",
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
    "Delivery",
    "DeliveryList",
    "DeliveryStatus",
    "DeliveryType",
    "Delta",
    "Destroyed",
    "Error",
    "Failed",
    "FileOutput",
    "Fleet",
    "FleetDelivery",
    "FleetDeliveryPage",
    "FleetDeliveryStatus",
    "FleetDeliveryType",
    "FleetHistory",
    "FleetWebhook",
    "FleetWebhookChanges",
    "FleetWebhookChangesEventsItem",
    "FleetWebhookDeleted",
    "FleetWebhookEventsItem",
    "FleetWebhookPage",
    "FleetWebhookWithSecret",
    "FleetWebhookWithSecretEventsItem",
    "GetCombinedDocumentResponse",
    "GetOperationResources",
    "GetServicesDocumentResponse",
    "Health",
    "HealthDetails",
    "HistoryPoint",
    "Instance",
    "InstanceCreated",
    "InstanceCreatedData",
    "InstanceCreatedMessage",
    "InstanceCreatedServices",
    "InstanceData",
    "InstanceDestroyed",
    "InstanceDestroyedMessage",
    "InstanceDetails",
    "InstanceList",
    "InstanceStatusData",
    "InstanceStatusMessage",
    "InstanceTool",
    "InstanceToolMeta",
    "Key",
    "ListAuditLogAction",
    "ListDeliveriesStatus",
    "ListedInstance",
    "ListedPrompt",
    "ListedPromptModel",
    "ListFleetDeliveriesStatus",
    "ListInstancesSort",
    "ListInstancesTotals",
    "ListOperationsKind",
    "ListOperationsStatus",
    "ListOrphansDecision",
    "ListOrphansProvider",
    "Maintenance",
    "NewFleetWebhook",
    "NewFleetWebhookEventsItem",
    "NewWebhook",
    "NewWebhookEventsItem",
    "OperationEndedData",
    "OperationEndedDataKind",
    "OperationEndedDataStatus",
    "OperationEndedMessage",
    "OperationEndedMessageType",
    "OperationList",
    "OperationPage",
    "OperationPageError",
    "OperationPageKind",
    "OperationPageResult",
    "OperationPageStatus",
    "OperationResource",
    "OperationResourceKind",
    "OperationResourceProvider",
    "OperationResourceState",
    "OperationSummary",
    "OperationSummaryError",
    "OperationSummaryKind",
    "OperationSummaryStatus",
    "Orphan",
    "OrphanDecision",
    "OrphanKind",
    "OrphanList",
    "OrphanProvider",
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
    "PromptEndedData",
    "PromptEndedDataStatus",
    "PromptEndedMessage",
    "PromptEndedMessageType",
    "PromptErrorEvent",
    "PromptList",
    "PromptOutputEvent",
    "PromptPage",
    "PromptPageModel",
    "PromptStatus",
    "ProviderState",
    "ProviderStateProvider",
    "Provision",
    "Registry",
    "Rejection",
    "Resource",
    "ResourceDestroyed",
    "RunAguiBody",
    "RunAguiBodyContextItem",
    "RunAguiBodyForwardedProps",
    "RunAguiBodyForwardedPropsModel",
    "RunAguiBodyMessagesItem",
    "RunAguiBodyResumeItem",
    "RunAguiBodyToolsItem",
    "RunAguiResponse",
    "ScheduleState",
    "ScheduleStateName",
    "ScheduleStateOutcome",
    "SendChatMessageBody",
    "SendChatMessageBodyMessagesItem",
    "SendChatMessageBodyModel",
    "SendChatMessageResponse",
    "ServiceStatus",
    "SetMaintenance",
    "Spend",
    "Started",
    "StatusBatch",
    "StatusTotal",
    "StepFailure",
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
    "Versions",
    "Webhook",
    "WebhookChanges",
    "WebhookChangesEventsItem",
    "WebhookDeleted",
    "WebhookEventsItem",
    "WebhookList",
    "WebhookWithSecret",
    "WebhookWithSecretEventsItem",
)
