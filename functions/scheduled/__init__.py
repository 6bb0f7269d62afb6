"""The scheduled jobs: one module, one schedule, one Lambda each.

Owns: which function of `pointsman.lifecycle` or `prompts` a schedule of `template.yaml` runs.
Never: decides anything; logs and errors of runs are `pointsman.workflows.handlers`.
Entry point: `handler` of each module, called by EventBridge.
"""
