"""Who is calling the Agent API: the header, the key or the token of a request, by AGENT_AUTH.

Called by the authorizer only; functions take identity from the request context that it fills. What checks tokens is
loaded where AGENT_AUTH says so and nowhere else. No key and no token is logged or part of a message.
"""
