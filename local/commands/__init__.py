"""The commands of `python -m local` other than `run`: demo, migrate, reconcile.

Each builds its settings, runs a stack or the components that it needs, and prints a report. A command whose data folder
another runner holds calls that runner instead (`runner_client`). Never imported by the packages that make up the stack.
Entry points: `demo.run_demo`, `migration.migrate`, `reconciliation.reconcile`.
"""
