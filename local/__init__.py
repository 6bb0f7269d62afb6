"""The bundle on one machine, without Docker or an account: reads template.yaml and runs what it describes.

Lives here: what AWS does around the functions (gateway, Lambda, Step Functions, schedules), Postgres, the simulator.
Not here: a business rule, or anything that is deployed. Called by people, tests and the demo, never by functions.
"""
