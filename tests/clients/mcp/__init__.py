"""The MCP endpoint by the official clients: the Python package, the TypeScript SDK, MCP Inspector's command line."""
