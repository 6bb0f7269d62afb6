"""Pointsman's shared layer: everything that more than one Lambda function needs.

It holds no Lambda handler and no endpoint: those are in functions/, which calls it. Imports go downward only (the
contracts are in pyproject.toml):

    http           the two APIs: requests, responses, authentication, OpenAPI
    agent          plugins, tools, the model, the agent loop
    prompts        prompts: submission, events, approvals     lifecycle  instances: create, destroy, reconcile
    workflows      Step Functions, handlers of tasks and schedules
    providers      Railway, OpenRouter, AgentMail, Telnyx     db  Postgres     identity  who calls the Agent API
    log
    metrics        settings
    errors         redaction     json_values     timestamps

`streaming`, a Lambda runtime for responses that stream, stands alone.
"""

import gc

__version__ = "0.1.0"
"""The bundle's version, the same as in pyproject.toml."""

# Objects created by imports are never garbage. With Python's default thresholds a tenth of a cold start is spent
# collecting among them.
gc.set_threshold(100_000, 50, 50)
