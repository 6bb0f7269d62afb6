"""How an endpoint speaks HTTP: the app that each is built from, who is calling, and what errors look like.

FastAPI and Mangum are loaded here and in functions/ only; no decision about instances may live here.
Called by functions/services and functions/agent.
"""
