"""What tests share: stacks, clients, the database, waiting, and what a test does to a process or a provider.

`stack` starts the bundle in this process, `runner_process` as a process that a test may kill; both take their
environment from `stack.stack_environment`, and neither reads a developer's `.env`. `clients` and `agent_api` speak to
it, `database`, `step_functions` and `simulator` look behind it. Helpers of two packages of tests belong here; no
product code and no benchmark imports it.
"""
