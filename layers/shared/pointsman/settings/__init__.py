"""All settings, one module per group. Nothing else reads the environment: `environment` does it for all groups.

`secrets` reads those that are secret from Secrets Manager, and again after a value was refused. `tools` says which
tools are configured, so that nobody reads a key to know it.

Each module holds dataclasses with a `load()`, or functions `load_…()`. A Lambda function loads the groups that it uses
when it first uses them; MissingSetting and InvalidSetting name the environment variable. No decision is taken here, and
no secret shows in a `repr`.

The local runner finds and loads every group at its start, in each function's environment, to name all that is wrong
(`local/stack/setting_check`). So a group that only one mode needs returns None or an empty text in another mode, and
what must be set is read before what may have a wrong value.

Plain dataclasses, because most Lambda functions may not load pydantic (docs/decisions/0002). `api`, `aws` and
`secrets` have none, because the authorizer of the Agent API may not even load `dataclasses`. docs/settings.md documents
each setting.
"""
