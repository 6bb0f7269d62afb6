"""/webhooks and below: where the caller is told of the own prompts and their approvals."""

from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.webhook_routes import add_routes

app = create_app()
add_routes(app)
handler = lambda_handler(app)
