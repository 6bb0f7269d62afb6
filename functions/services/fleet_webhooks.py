"""/webhooks and below: who is told of what happens to instances and operations."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.webhook_routes import add_routes

app = create_app()
add_routes(app)
handler = lambda_handler(app, reading_methods=("GET",))
