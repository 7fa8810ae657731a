"""A stand-in for Trustee's restful-as, written from its source: both eras of requests, EAR and simple tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from attestation.services.ear import describe_quote
from tests.standins.service import Claims, Reply, Request, StandIn, flat_claims, public_jwk, read_quote


class Trustee(StandIn):
    """`era` is `0.13` or `0.14`. It compares raw runtime data with the report data, and knows the policy `default`."""

    era = "0.14"
    policies = ("default",)
    status = "affirming"

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/attestation"):
            return Reply.text("", 404)
        try:
            members = request.json()
            asked, policy_ids = (self._old if self.era == "0.13" else self._new)(members)
        except (KeyError, ValueError, TypeError) as error:
            missing = str(error).strip("'")
            return Reply.text(f"Json deserialize error: missing field `{missing}` at line 1 column 9", 400)
        try:
            return Reply.text(self.evaluate(asked, policy_ids or ["default"]))
        except ValueError as error:
            return Reply.text(f"An internal error occured: \n0: attestation report evaluate\n1: {error}", 500)

    def _old(self, members: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        return {name: members[name] for name in ("tee", "evidence", "runtime_data")}, members["policy_ids"]

    def _new(self, members: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        return members["verification_requests"][0], members["policy_ids"]

    def evaluate(self, asked: dict[str, Any], policy_ids: list[str]) -> str:
        evidence = json.loads(_unpadded(asked["evidence"]))
        quote = read_quote(evidence["quote"])
        if _unpadded(asked["runtime_data"]["raw"]) != quote.report.report_data:
            raise ValueError("REPORT_DATA is different from that in TDX Quote")
        if unknown := set(policy_ids) - set(self.policies):
            raise ValueError(f"policy {unknown} not found")
        return self.sign(*self.write(quote, policy_ids))

    def write(self, quote: Any, policy_ids: list[str]) -> tuple[Claims, Claims]:
        """Return an EAR's claims and header; real ones name neither issuer nor audience."""
        module = {
            "ear.status": self.status,
            "ear.trustworthiness-vector": {"configuration": 2, "executables": 3, "hardware": 2},
            "ear.appraisal-policy-id": policy_ids[0],
            "ear.veraison.annotated-evidence": {
                "init_data": "00" * 48,
                "report_data": quote.report.report_data.hex(),
                "runtime_data_claims": None,
                "tdx": {**describe_quote(quote), "tcb_status": "UpToDate", "collateral_expiration_status": "0"},
            },
        }
        claims = {
            "eat_profile": "tag:github.com,2024:confidential-containers/Trustee",
            "ear.verifier-id": {
                "developer": "https://confidentialcontainers.org",
                "build": "attestation-service 0.1.0",
            },
            "submods": {"cpu0": module},
        }
        return claims, {"jwk": {"alg": self.algorithm, **public_jwk(self.signing_key)}}


class SimpleTrustee(Trustee):
    """The seed's own era: requests as until v0.13, and tokens that carry their key among the claims."""

    era = "0.13"
    form = "simple"
    algorithm = "RS384"
    issuer = "CoCo-Attestation-Service"

    def write(self, quote: Any, policy_ids: list[str]) -> tuple[Claims, Claims]:
        claims = {
            "nbf": int(self.now().timestamp()),
            "jti": "AbCdEfGhIj",
            "jwk": {"alg": self.algorithm, **public_jwk(self.signing_key)},
            "tee": "tdx",
            "evaluation-reports": [{"policy-id": name, "policy-hash": "00" * 48} for name in policy_ids],
            "tcb-status": flat_claims(quote),
            "reference-data": {},
            "customized_claims": {"init_data": None, "runtime_data": None},
        }
        return claims, {}


class Rvps(StandIn):
    """A gateway that registers reference values, with those that it was given."""

    def __init__(self) -> None:
        super().__init__(now=lambda: datetime.now(UTC))
        self.values: dict[str, Any] = {}

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) not in (("POST", "/kbs/v0/reference-value"), ("POST", "/api/rvps/register")):
            return Reply.text("", 404)
        message = request.json()
        if message["version"] != "0.1.0" or message["type"] != "sample":
            return Reply.text("extractor not found", 400)
        self.values |= json.loads(base64.b64decode(message["payload"], validate=True))
        return Reply.text("")


def _unpadded(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise ValueError("base64 decode: Invalid symbol")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
