"""The MCP server: the exposed tools and prompts for clients of the Model Context Protocol, without sessions.

`app` is the ASGI app, `messages` and `revisions` are the wire (JSON-RPC, and what each revision of the protocol wants),
`server` has the methods. `catalog` lists the tools, `tool_calls` calls them. `questions` asks a person, `request_state`
binds the answer, and `prompt_follower` follows a prompt. The official SDK stays out (docs/decisions/0004, 0034).
"""
