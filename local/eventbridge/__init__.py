"""EventBridge: fires the schedules of the template, on time or on demand.

Owns rate expressions and the event of a schedule. Supports neither cron expressions nor event buses; the template uses
none. Entry point: `schedules.Scheduler`.
"""
