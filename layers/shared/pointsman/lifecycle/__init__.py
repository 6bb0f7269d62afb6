"""The lifecycle of instances: commands, the steps of their operations, compensation, reconciliation and fleet status.

Owns: what may start (`commands`), what each step does (`create_steps`, `tool_steps`, `destroy_steps`, `compensation`,
`finalization`), the order of journal and provider calls (`resource_creation`, `resource_deletion`), what is resumed and
cleaned up (`reconciler`, `leaked_operations`, `orphan_sweep`), idempotent requests, and the status of the fleet. It is
the only caller of `providers`, except for their descriptions.
Never: holds SQL (`db`), HTTP (`http`), or the order of steps (`statemachines/`).
Entry points: for endpoints and the instances plugin `commands` with `operation_results.start_and_wait`,
`leaked_operations`, `service_config`, `dashboard`, `fleet_status`, `openrouter_spend`, `maintenance`; for tasks the
steps; for schedules `reconciler.reconcile` and `status_poller.poll`; for deployments `legacy_migration.migrate`.
"""
