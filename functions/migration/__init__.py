"""The migration of the databases: one Lambda, with the packages that nothing else needs.

Owns: its own requirements.txt, which `sam build` installs beside it.
Never: decides anything; `pointsman.lifecycle.legacy_migration` migrates.
Entry point: `migrate.handler`, invoked at each deployment and at the local runner's start.
"""
