"""What `make deploy` and `make secrets` need besides SAM: the check of an environment's values, and its secrets.

It owns the reading of samconfig.toml and of secrets files. It deploys nothing, which SAM does, and prints no secret.
Entry points: `python -m deployment COMMAND ENVIRONMENT` for `make deploy` and
`make secrets`.
"""
