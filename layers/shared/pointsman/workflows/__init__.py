"""The interface to AWS workflows: the Step Functions client, and the Lambda handlers of tasks and schedules.

Owns: signed requests to Step Functions (`step_functions`); the wrappers that record steps and translate errors into
what state machines and EventBridge act on (`handlers`).
Never: knows what a step or a job does. This page imports nothing, because the Services API loads `step_functions`
without `handlers`.
Entry points: `step_functions.start_execution`, `get_execution_status`, `send_task_success`; `handlers.task_handler`,
`prompt_task_handler`, `scheduled_handler`.
"""
