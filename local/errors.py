"""Errors that the command line prints in one line, without a traceback.

RunnerError
├── TemplateError
├── RunLockHeld          in local.processes.run_lock
├── StepFunctionsError   in local.step_functions.moto_server
├── UnknownFunction      in local.lambda_service.service
├── PayloadTooLarge      in local.lambda_service.service
└── TooManyRequests      in local.lambda_service.service
"""


class RunnerError(Exception):
    """An error that the user can fix; the message says in one line what is wrong."""


class TemplateError(RunnerError):
    """The template is invalid, or uses what the local stack does not support; the message names the resource."""
