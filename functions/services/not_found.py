"""Every path that no route knows: 404 in the contract's shape."""

from pointsman.http.services_api.app import create_app, lambda_handler

app = create_app()
handler = lambda_handler(app, only_reads=True)
