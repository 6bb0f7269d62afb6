"""The Lambda service: runs functions in worker processes under AWS's own runtime client.

Owns worker processes and pools, the Runtime API, invocations and their results, response streams, function logs, and
Lambda's limits and environment variables. Never imports the code of a function into this process, and knows nothing of
HTTP requests of clients. Entry point: `service.LambdaService`.
"""
