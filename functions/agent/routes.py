"""Everything else under the prefix: the routes that the bundle adds, else 404 or 405 in the contract's shape."""

from composition import compose
from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.custom_routes import add_routes

agent = compose()
app = create_app()
handler = lambda_handler(app, add_routes(app, agent))
