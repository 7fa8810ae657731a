"""What a genuine token says, in each form in which services write: of which report, and what it makes of it.

Sources: Trustee, attestation-service/src/ear_token and token/simple.rs; Alibaba Cloud ECS, "Remote attestation
service"; Intel Trust Authority, attestation tokens of version 1 and 2. Values are the wire's bytes in hex.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from attestation.encoding import b64decode_standard, parse_json
from attestation.errors import AppraisalError, MalformedError
from attestation.issuer import TokenForm, TokenIssuer
from attestation.quote import TdReport

Claims = Mapping[str, Any]

# Members of Trustee's claims and what they name in a TD report. A hash of the quote would not do: bytes behind its
# signature can be changed.
_REPORT_DATA = "report_data"
_MEASURED = {"mr_td": "mr_td", "rtmr_0": "rtmr0", "rtmr_1": "rtmr1", "rtmr_2": "rtmr2", "rtmr_3": "rtmr3"}
# A submodule is called `cpu0` today, and `cpu` in older services.
_CPU_NAMES = ("cpu0", "cpu")
_AFFIRMING = "affirming"


def speaks_of(claims: Claims, issuer: TokenIssuer, report: TdReport) -> bool:
    """Say whether a token's claims carry the report data and measurements of this very report."""
    try:
        return _FORMS[issuer.form][0](claims, report)
    except MalformedError:
        return False


def check_claims(claims: Claims, issuer: TokenIssuer, report: TdReport, *, accepted_statuses: Collection[str]) -> None:
    """Refuse a genuine token that does not affirm this report under the policies asked for.

    Raises:
        AppraisalError: `token_claims`.
    """
    try:
        affirms = _FORMS[issuer.form][1](claims, accepted_statuses)
        policies = set(_FORMS[issuer.form][2](claims))
    except MalformedError as error:
        raise AppraisalError("token_claims", "its answer does not have the known form") from error
    if not affirms:
        raise AppraisalError("token_claims", "it does not affirm this machine")
    if not policies.issuperset(issuer.policies):
        raise AppraisalError("token_claims", "it did not judge by the policy that was asked for")
    if not speaks_of(claims, issuer, report):
        raise AppraisalError("token_claims", "its answer is about another report")


def _ear_speaks(claims: Claims, report: TdReport) -> bool:
    module = _cpu(claims)
    for name in ("ear.veraison.annotated-evidence", "tdx", "quote", "body"):
        module = _nested(module, name)
    return _names(module, report, prefix="")


def _ear_affirms(claims: Claims, _statuses: Collection[str]) -> bool:
    """Every submodule must affirm, not the processor alone."""
    modules = _nested(claims, "submods")
    return bool(_cpu(claims)) and all(_nested(modules, name).get("ear.status") == _AFFIRMING for name in modules)


def _ear_policies(claims: Claims) -> Iterator[str]:
    yield str(_cpu(claims).get("ear.appraisal-policy-id"))


def _cpu(claims: Claims) -> Claims:
    modules = _nested(claims, "submods")
    name = next((name for name in _CPU_NAMES if name in modules), _CPU_NAMES[0])
    return _nested(modules, name)


def _flat_speaks(claims: Claims, report: TdReport) -> bool:
    return _names(_tcb_status(claims), report, prefix="tdx.quote.body.")


def _flat_affirms(claims: Claims, _statuses: Collection[str]) -> bool:
    """The service gives no token where a policy rejects; these tokens know no other word."""
    return claims.get("tee") == "tdx" and _tcb_status(claims).get("tdx.td_attributes.debug") is False


def _flat_policies(claims: Claims) -> Iterator[str]:
    reports = claims.get("evaluation-reports")
    if not isinstance(reports, list):
        raise MalformedError("no evaluation-reports")
    for item in reports:
        yield str(_object(item).get("policy-id"))


def _tcb_status(claims: Claims) -> Claims:
    """Return `tcb-status`, which Alibaba's service writes as JSON within text."""
    status = claims.get("tcb-status")
    return _object(parse_json(status.encode()) if isinstance(status, str) else status)


def _ita_speaks(claims: Claims, report: TdReport) -> bool:
    """This very report, or one that the same machine made for the service's nonce and this report's data.

    The service's rule is REPORTDATA = SHA-512(nonce value || nonce time || held data); the value is base64 once.
    """
    tdx = _ita(claims)
    quoted = tdx.get("tdx_report_data")
    if quoted != report.report_data.hex():
        nonce = _nested(tdx, "verifier_nonce")
        held = b64decode_standard(tdx.get("attester_held_data"))
        parts = (b64decode_standard(nonce.get("val")), b64decode_standard(nonce.get("iat")), held)
        if held != report.report_data or hashlib.sha512(b"".join(parts)).hexdigest() != quoted:
            return False
    names = {"mrtd": "mr_td", "rtmr0": "rtmr0", "rtmr1": "rtmr1", "rtmr2": "rtmr2", "rtmr3": "rtmr3"}
    return all(tdx.get(f"tdx_{claim}") == getattr(report, name).hex() for claim, name in names.items())


def _ita_affirms(claims: Claims, statuses: Collection[str]) -> bool:
    tdx = _ita(claims)
    unmatched = claims.get("policy_ids_unmatched") or tdx.get("policy_ids_unmatched")
    return tdx.get("attester_tcb_status") in statuses and tdx.get("tdx_is_debuggable") is False and not unmatched


def _ita_policies(claims: Claims) -> Iterator[str]:
    matched = claims.get("policy_ids_matched") or _ita(claims).get("policy_ids_matched") or []
    if not isinstance(matched, list):
        raise MalformedError("policy_ids_matched is not a list")
    for item in matched:
        yield str(_object(item).get("id"))


def _ita(claims: Claims) -> Claims:
    """Return the claims of a TD: nested in version 2, flat in version 1."""
    return _nested(claims, "tdx") if "tdx" in claims else claims


def _names(body: Claims, report: TdReport, *, prefix: str) -> bool:
    named = {_REPORT_DATA: _REPORT_DATA, **_MEASURED}
    return all(body.get(prefix + claim) == getattr(report, name).hex() for claim, name in named.items())


def _nested(members: Claims, name: str) -> Claims:
    return _object(members.get(name))


def _object(value: object) -> Claims:
    if not isinstance(value, dict):
        raise MalformedError("not an object where one belongs")
    return value


_Speaks = Callable[[Claims, TdReport], bool]
_Affirms = Callable[[Claims, Collection[str]], bool]
_Policies = Callable[[Claims], Iterator[str]]

_FORMS: Mapping[TokenForm, tuple[_Speaks, _Affirms, _Policies]] = {
    "ear": (_ear_speaks, _ear_affirms, _ear_policies),
    "simple": (_flat_speaks, _flat_affirms, _flat_policies),
    "oidc": (_flat_speaks, _flat_affirms, _flat_policies),
    "trust-authority": (_ita_speaks, _ita_affirms, _ita_policies),
}
