"""`pointsman` on the command line, over the Python client.

`commands` has a module for each group; `command` gives each command its session, `--json`, `--profile` and exit codes.
Results go to the standard output, everything else to the standard error, so that scripts read one without the other.
"""
