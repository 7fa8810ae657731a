"""An OpenID Connect provider in which one person is always signed in; it lies about what it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jwcrypto import jwk, jwt

CLIENT_ID = "confchat"
CLIENT_SECRET = "a secret only for tests"
KEY_ID = "first"


@dataclass
class Provider:
    """A running provider at `issuer`. `claims` go over what is true; `forge` makes the token with another key."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    forge: bool = False
    unsigned: bool = False
    symmetric: bool = False
    called: str = ""
    key: jwk.JWK = field(default_factory=lambda: jwk.JWK.generate(kty="EC", crv="P-256", kid=KEY_ID))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def tell_truth(self) -> None:
        self.claims, self.forge, self.unsigned, self.symmetric, self.called = {}, False, False, False, ""

    async def configuration(self, _request: web.Request) -> web.Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        addresses = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        return web.json_response({"issuer": self.called or self.issuer, **addresses, **methods})

    async def keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.export_public(as_dict=True)]})

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        if asked is None or (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        id_token = self._id_token(asked["nonce"])
        return web.json_response({"access_token": "for nothing", "token_type": "Bearer", "id_token": id_token})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        true = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "person-1", "nonce": nonce, "iat": now, "exp": now + 300}
        claims = {name: value for name, value in (true | self.claims).items() if value is not None}
        if self.unsigned:
            parts = ({"alg": "none", "kid": KEY_ID}, claims)
            encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
            return ".".join([*encoded, ""])
        algorithm, key = "ES256", jwk.JWK.generate(kty="EC", crv="P-256") if self.forge else self.key
        if self.symmetric:  # signed with what everybody can read: the public key, taken for a shared secret
            algorithm, key = "HS256", jwk.JWK(kty="oct", k=self.key.export_public(as_dict=True)["x"])
        token = jwt.JWT(header={"alg": algorithm, "kid": KEY_ID}, claims=claims)
        token.make_signed_token(key)
        return str(token.serialize())


@contextmanager
def running_provider(port: int) -> Iterator[Provider]:
    """Serve a provider on loopback, in a thread of its own."""
    provider = Provider(f"http://127.0.0.1:{port}")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    application = web.Application()
    paths = {"/.well-known/openid-configuration": provider.configuration, "/keys": provider.keys}
    application.add_routes([web.get(path, handler) for path, handler in paths.items()])
    application.add_routes([web.get("/authorize", provider.authorize), web.post("/token", provider.token)])
    runner = web.AppRunner(application)
    try:
        asyncio.run_coroutine_threadsafe(_serve(runner, port), loop).result(10)
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(runner: web.AppRunner, port: int) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
