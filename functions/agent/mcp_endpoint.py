"""/mcp: the exposed tools and prompts for clients of the Model Context Protocol."""

from composition import compose
from pointsman.mcp.app import create_mcp_app

app = create_mcp_app(compose())
