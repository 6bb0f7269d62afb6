"""Step Functions: moto's interpreter behind an HTTP endpoint in this process, which serves Secrets Manager too.

Owns the endpoint of both, the rendering of definitions, and the caches that make the interpreter fast enough. Lambda
calls go to the Lambda service; moto's own Lambda is never used. One process holds one stack, because moto keeps its
state in the process. Entry point: `moto_server.MotoServer`.
"""
