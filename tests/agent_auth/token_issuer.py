"""A token issuer: key pairs of every algorithm, and an HTTP server that publishes the public keys."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

ISSUER, AUDIENCE = "https://issuer.example/", "pointsman"
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


class Key:
    """A key pair that signs with one algorithm."""

    def __init__(self, algorithm: str, kid: str | None = "key-1", index: int = 0) -> None:
        self.algorithm = algorithm
        self.kid = kid
        self.private = _generate_private_key("RSA" if algorithm[0] in "RP" else algorithm, index)

    def public_jwk(self, **changes: object) -> dict[str, Any]:
        """Return the public key; None removes a member."""
        members = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        members = {**members, "alg": self.algorithm, "use": "sig", "kid": self.kid, **changes}
        return {name: value for name, value in members.items() if value is not None}

    def sign_token(self, header: dict[str, Any] | None = None, **changes: object) -> str:
        """Sign a valid token of user-1 with these claims changed; None removes one."""
        key_header = {"kid": self.kid} if self.kid else {}
        return jwt.encode(
            make_claims(**changes), self.private, self.algorithm, headers={**key_header, **(header or {})}
        )

    def public_pem(self) -> bytes:
        """Return the public key in PEM, which an attacker may know."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def make_claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    members = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 300, **changes}
    return {name: value for name, value in members.items() if value is not None}


def encode_token_part(value: object) -> str:
    """Encode a part of a token, also one that no library would encode."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@cache
def _generate_private_key(kind: str, index: int) -> Any:
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate() if kind == "EdDSA" else ec.generate_private_key(CURVES[kind])


class Issuer(ThreadingHTTPServer):
    """Serves its keys, or what `response_override` says: status, body, headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/keys"
        self.response_override: tuple[int, bytes, dict[str, str]] | None = None
        self.keys: list[Any] = []
        self.requested_paths: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect: tests do that on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.requested_paths.append(self.path)
        status, body, headers = self.server.response_override or (
            200,
            json.dumps({"keys": self.server.keys}).encode(),
            {},
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_line: Any) -> None:
        return


@contextmanager
def run_issuer(*keys: dict[str, Any]) -> Iterator[Issuer]:
    """Run an issuer that publishes these keys."""
    with Issuer() as issuer:
        issuer.keys = list(keys)
        thread = threading.Thread(target=issuer.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
            thread.join()
