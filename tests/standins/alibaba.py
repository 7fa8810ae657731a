"""A stand-in for Alibaba Cloud's remote attestation service, written from its documentation and its published token."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from tests.standins.service import Claims, Reply, Request, StandIn, flat_claims, public_jwk, read_quote

ISSUER = "https://attest.cn-beijing.aliyuncs.com"


class Alibaba(StandIn):
    """Anonymous; tokens of six hours. `is_urlsafe`: whether runtime data must be unpadded base64url."""

    form = "oidc"
    algorithm = "RS256"
    issuer = ISSUER
    audience = ISSUER
    max_lifetime_s = 21_600
    lifetime_s = 21_600
    is_urlsafe = False

    def answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/jwks.json":
                return Reply.json({"keys": [{**public_jwk(self.key), "kid": self.kid, "alg": "RS256", "use": "sig"}]})
            case "GET", "/.well-known/openid-configuration":
                return Reply.json({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks.json"})
            case "POST", "/v1/attestation":
                try:
                    return Reply.text(self.evaluate(request.json()))
                except (KeyError, ValueError, binascii.Error) as error:
                    return Reply.text(f"attestation failed: {error}", 500)
        return Reply.text("", 404)

    def evaluate(self, members: dict[str, Any]) -> str:
        if members["tee"] != "tdx" or "=" in members["evidence"]:
            raise ValueError("evidence")
        evidence = json.loads(base64.urlsafe_b64decode(members["evidence"] + "=="))
        quote = read_quote(evidence["quote"])
        raw = members.get("runtime_data", {}).get("raw")
        if raw is not None and self._decode(raw) != quote.report.report_data:
            raise ValueError("runtime data differs")
        return self.sign(*self.write(quote, members.get("policy_ids") or ["default"]))

    def write(self, quote: Any, policy_ids: list[str]) -> tuple[Claims, Claims]:
        """Return the documented token's claims: `tcb-status` is JSON in text, and names no status."""
        size = {"tdx.quote.size": "88020000", "tdx.quote.type": "0300"}
        claims = {
            "nbf": int(self.now().timestamp()),
            "jti": str(uuid.uuid4()),
            "tee": "tdx",
            "eat_profile": "https://www.alibabacloud.com/help/en/ecs/user-guide/eat-profile",
            "customized_claims": {"init_data": None, "runtime_data": None},
            "evaluation-reports": [{"policy-hash": None, "policy-id": name} for name in policy_ids],
            "tcb-status": json.dumps({**flat_claims(quote), **size}),
        }
        return claims, {"kid": self.kid}

    def _decode(self, raw: str) -> bytes:
        if self.is_urlsafe:
            if "=" in raw:
                raise ValueError("base64")
            return base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
        return base64.b64decode(raw, validate=True)
