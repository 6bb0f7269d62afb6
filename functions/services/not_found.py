"""Every path that no route knows: 404 in the contract's shape."""

from pointsman.http.app import create_app, lambda_handler

app = create_app()
handler = lambda_handler(app)
