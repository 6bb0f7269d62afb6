"""The local stack: runs everything that template.yaml describes on one machine, without Docker or an AWS account.

Owns what AWS does around the functions (API Gateway, Lambda, Step Functions, EventBridge), Postgres, the simulated
providers, and the commands of `python -m local`. Contains no business rule, is never deployed, and is never imported by
functions or the layer. Entry points: `local.cli.main`, `local.stack.stack.Stack` for tests and the demo.

Packages from top to bottom, each imports only those after it: commands, stack, api_gateway, eventbridge,
step_functions, lambda_service, template, postgres, processes. The simulator stands alone.
"""
