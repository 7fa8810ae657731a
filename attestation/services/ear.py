"""EAT Attestation Results as Trustee writes them since v0.14: one TDX submodule with its annotated evidence.

Sources: draft-ietf-rats-ear; AR4SI trustworthiness claims; confidential-containers/trustee, attestation-service/src/
ear_token. Values are the wire's bytes in hex: little-endian fields stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attestation.appraisal import AttestationResult, Status
from attestation.issuer import TokenIssuer
from attestation.quote import Quote
from attestation.services.request import AttestationRequest

PROFILE = "tag:github.com,2024:confidential-containers/Trustee"
TOKEN_LIFETIME_S = 300
VERIFIER_ID = {"developer": "ConfChat", "build": "attestation.services.embedded"}

# AR4SI values: 2 genuine or approved, 3 approved boot; 33 unrecognised; 96 contraindicated; 97 unrecognised.
_NO_CLAIM, _APPROVED, _APPROVED_BOOT, _UNRECOGNISED_CODE, _CONTRAINDICATED, _UNRECOGNISED = 0, 2, 3, 33, 96, 97


def build_claims(
    request: AttestationRequest,
    result: AttestationResult,
    quote: Quote,
    *,
    is_known_release: bool,
    issuer: TokenIssuer,
    token_id: str,
    now: datetime,
) -> dict[str, Any]:
    """Say in a token's claims what an appraisal of an authentic quote found.

    `is_known_release` tells whether what was started is a reference release in force.
    """
    issued_at = int(now.timestamp())
    statuses = {check.id: check.status for check in result.checks}
    vector = build_vector(statuses, is_known_release=is_known_release)
    return {
        "eat_profile": PROFILE,
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + TOKEN_LIFETIME_S,
        "jti": token_id,
        "ear.verifier-id": VERIFIER_ID,
        "submods": {
            "cpu0": {
                "ear.status": status_of(vector),
                "ear.trustworthiness-vector": vector,
                "ear.appraisal-policy-id": request.policy_ids[0],
                "ear.veraison.annotated-evidence": {
                    "report_data": request.report_data.hex(),
                    "runtime_data_claims": None,
                    "tdx": describe_quote(quote) | _describe_platform(result),
                },
            }
        },
    }


def build_vector(statuses: Mapping[str, Status], *, is_known_release: bool) -> dict[str, int]:
    """Translate checks into the eight trustworthiness claims; a check that was not made counts against."""

    def passed(check: str) -> bool:
        return statuses.get(check) == "pass"

    hardware = _UNRECOGNISED
    if passed("quote.collateral"):
        hardware = _APPROVED if passed("tcb.status") else _CONTRAINDICATED
    identity = _APPROVED if passed("platform.id") else _UNRECOGNISED
    return {
        "instance-identity": identity if "platform.id" in statuses else _NO_CLAIM,
        "configuration": _APPROVED if passed("td.attributes") else _CONTRAINDICATED,
        "executables": _APPROVED_BOOT if is_known_release else _UNRECOGNISED_CODE,
        "file-system": _NO_CLAIM,
        "hardware": hardware,
        "runtime-opaque": _NO_CLAIM,
        "storage-opaque": _NO_CLAIM,
        "sourced-data": _NO_CLAIM,
    }


def status_of(vector: Mapping[str, int]) -> str:
    """Return the tier of the worst claim (AR4SI: 2 to 31 affirms, 32 to 95 warns, above contraindicates)."""
    worst = max(vector.values())
    if worst < 2:
        return "none"
    if worst < 32:
        return "affirming"
    return "warning" if worst < 96 else "contraindicated"


def describe_quote(quote: Quote) -> dict[str, Any]:
    """Return the fields of a quote under Trustee's names."""
    header, report = quote.header, quote.report
    body = {
        "tcb_svn": report.tee_tcb_svn,
        "mr_seam": report.mr_seam,
        "mrsigner_seam": report.mr_signer_seam,
        "seam_attributes": report.seam_attributes,
        "td_attributes": report.td_attributes,
        "xfam": report.xfam,
        "mr_td": report.mr_td,
        "mr_config_id": report.mr_config_id,
        "mr_owner": report.mr_owner,
        "mr_owner_config": report.mr_owner_config,
        "rtmr_0": report.rtmr0,
        "rtmr_1": report.rtmr1,
        "rtmr_2": report.rtmr2,
        "rtmr_3": report.rtmr3,
        "report_data": report.report_data,
        "tee_tcb_svn2": report.tee_tcb_svn2,
        "mr_servicetd": report.mr_service_td,
    }
    fields = {
        "header": {
            "version": header.version.to_bytes(2, "little").hex(),
            "att_key_type": header.attestation_key_type.to_bytes(2, "little").hex(),
            "tee_type": header.tee_type.to_bytes(4, "little").hex(),
            "reserved": (header.qe_svn.to_bytes(2, "little") + header.pce_svn.to_bytes(2, "little")).hex(),
            "vendor_id": header.qe_vendor_id.hex(),
            "user_data": header.user_data.hex(),
        },
        "body": {name: value.hex() for name, value in body.items() if value is not None},
    }
    return {"quote": fields, "td_attributes": _describe_attributes(report.td_attributes)}


def _describe_attributes(attributes: bytes) -> dict[str, bool]:
    """Name the bits of TD_ATTRIBUTES (Intel TDX module ABI, "TD_ATTRIBUTES") that Trustee names."""
    bits = int.from_bytes(attributes, "little")
    names = {"debug": 0, "septve_disable": 28, "protection_keys": 30, "key_locker": 31, "perfmon": 63}
    return {name: bool(bits >> bit & 1) for name, bit in names.items()}


def _describe_platform(result: AttestationResult) -> dict[str, Any]:
    is_current = any(check.id == "quote.collateral" and check.status == "pass" for check in result.checks)
    return {
        "tcb_status": result.tcb_status,
        "advisory_ids": list(result.advisories),
        "collateral_expiration_status": "0" if is_current else "1",
    }
