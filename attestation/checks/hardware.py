"""Is this a genuine report of genuine, current hardware? `quote.*` and `tcb.status`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from attestation.collateral import QeIdentity
from attestation.errors import AppraisalError, MalformedError
from attestation.examination import Examination, given
from attestation.grace import accept_tcb
from attestation.pck import PckExtension
from attestation.pki import (
    INTEL_ROOT_CA_SHA256,
    PCK_CA_CHAIN,
    PCK_CHAIN,
    TCB_SIGNING_CHAIN,
    Certificate,
    Chain,
    Crl,
    check_chain_dates,
)
from attestation.quote import BODY_TD10, BODY_TD15, BODY_TD15_EX, QeReport
from attestation.signatures import has_signed, parse_public_key

_BODY_NAMES = {BODY_TD10: "TDX 1.0", BODY_TD15: "TDX 1.5", BODY_TD15_EX: "TDX 1.5 extended"}
_SGX_DEBUG = 0x02


def check_parse(subject: Examination) -> str:
    """`quote.parse`: raises `MalformedQuoteError` with the code of the rule."""
    quote = subject.quote
    return f"The report is a quote of version {quote.header.version} with a {_BODY_NAMES[quote.body_type]} body."


def check_chain(subject: Examination) -> str:
    """`quote.chain`: both chains, then dates, then both CRLs, then what they revoke."""
    if subject.is_simulated and not subject.may_use_simulator:
        raise AppraisalError("simulator_refused", "the processor is simulated, which counts for nothing here")
    if not subject.is_simulated and INTEL_ROOT_CA_SHA256 not in subject.trust.root_sha256:
        raise AppraisalError("chain_root", "the policy trusts no processor of Intel's")
    given("the report", lambda: subject.quote)
    pck, pck_chain, crl_chain = _verify_chains(subject)
    now = subject.expectation.now
    for chain in (pck_chain, crl_chain):
        check_chain_dates(chain, now=now)
    crls = subject.root_crl, subject.pck_crl
    for crl in crls:
        _check_crl_dates(crl, now=now)
    if _any_revoked(pck_chain[:1], crls[1]) or _any_revoked((pck_chain[1], crl_chain[0]), crls[0]):
        raise AppraisalError("certificate_revoked", "Intel has revoked a certificate of this processor")
    anchor = "the simulator of this installation" if subject.is_simulated else "Intel's root"
    return f"The certificates lead from this processor (FMSPC {pck.fmspc.hex()}) to {anchor}, and none is revoked."


def check_collateral(subject: Examination) -> str:
    """`quote.collateral`: form, signers, signatures, dates, platform, floor, and whether a signer is revoked."""
    try:
        tcb_info, qe_identity = subject.tcb_info, subject.qe_identity
    except MalformedError as error:
        raise AppraisalError("collateral_malformed", f"a list is missing or cannot be read ({error})") from error
    signers = _verify_signers(subject)
    collateral = subject.evidence.collateral
    texts = (
        (signers[0], collateral.tcb_info_signature, collateral.tcb_info),
        (signers[1], collateral.qe_identity_signature, collateral.qe_identity),
    )
    if not all(subject.has_signed(signer, signature, text.encode()) for signer, signature, text in texts):
        raise AppraisalError("collateral_signature", "a list was changed after it was signed")
    for item in (tcb_info, qe_identity):
        if not item.issued_at <= subject.expectation.now <= item.next_update:
            raise AppraisalError("collateral_validity", "a list is out of date, or a clock is wrong")
    pck = given("its certificate", lambda: subject.pck)
    if tcb_info.fmspc != pck.fmspc:
        raise AppraisalError("fmspc_mismatch", "the list is for another model of processor")
    if tcb_info.pce_id != pck.pce_id:
        raise AppraisalError("pceid_mismatch", "the list is for another provisioning enclave")
    number = min(tcb_info.evaluation_number, qe_identity.evaluation_number)
    if number < subject.policy.min_tcb_evaluation_data_number:
        raise AppraisalError("evaluation_number_low", f"the lists are of an old evaluation, number {number}")
    root_crl = given("the list of revoked certificates", lambda: subject.root_crl)
    if _any_revoked(signers, root_crl):
        raise AppraisalError("collateral_signer", "the certificate that signed a list was revoked")
    until = min(tcb_info.next_update, qe_identity.next_update)
    return f"The lists are genuine, of evaluation {number}, and hold until {until:%Y-%m-%d %H:%M} UTC."


def check_qe(subject: Examination) -> str:
    """`quote.qe`: the PCK key signed the QE's report, which binds the attestation key and is Intel's enclave."""
    quote = given("the report", lambda: subject.quote)
    pck = given("its certificate", lambda: subject.pck_chain)[0]
    report = quote.qe_report
    if not subject.has_signed(pck, quote.qe_report_signature, report.raw):
        raise AppraisalError("qe_signature", "the processor's key did not sign the enclave's report")
    bound = hashlib.sha256(quote.attestation_key + quote.qe_authentication_data).digest()
    if report.report_data != bound + bytes(32):
        raise AppraisalError("qe_binding", "the enclave does not vouch for the key that signed")
    if not _is_enclave(report, given("Intel's list", lambda: subject.qe_identity)):
        raise AppraisalError("qe_identity", "the enclave is another one")
    if report.attributes[0] & _SGX_DEBUG:
        raise AppraisalError("qe_debug", "the enclave runs in debug mode")
    return "Intel's quoting enclave made the report, with a key that the processor vouches for."


def check_signature(subject: Examination) -> str:
    """`quote.signature`: the attestation key signed header and body."""
    quote = given("the report", lambda: subject.quote)
    try:
        key = parse_public_key(quote.attestation_key)
    except MalformedError as error:
        raise AppraisalError("quote_signature", "the report carries no usable key") from error
    if not has_signed(key, quote.signature, quote.signed):
        raise AppraisalError("quote_signature", "the signature is not over these bytes")
    return "The report is exactly as the processor signed it."


def check_tcb(subject: Examination) -> str:
    """`tcb.status`: the merged status and its advisories are among those that the policy accepts."""
    given("the report", lambda: subject.quote)
    given("its certificate", lambda: subject.pck)
    given("Intel's list", lambda: (subject.tcb_info, subject.qe_identity))
    verdict = subject.tcb
    until = accept_tcb(verdict, subject.policy, now=subject.expectation.now)
    advisories = ", ".join(verdict.advisories) or "no advisories"
    said = f"Intel's status of this platform is {verdict.status}, {advisories}"
    return f"{said}." if until is None else f"{said}; the policy accepts that until {until:%Y-%m-%d %H:%M} UTC."


def _verify_chains(subject: Examination) -> tuple[PckExtension, Chain, Chain]:
    """Return the platform, its own chain and that of its CRL's issuer, verified but for dates and revocation."""
    try:
        pck_chain = subject.pck_chain
        subject.verify_chain(pck_chain, PCK_CHAIN)
        pck = subject.pck
        crl_chain = subject.pck_crl_chain
        subject.verify_chain(crl_chain, PCK_CA_CHAIN)
    except MalformedError as error:
        raise AppraisalError("chain_malformed", str(error)) from error
    return pck, pck_chain, crl_chain


def _check_crl_dates(crl: Crl, *, now: datetime) -> None:
    if not crl.this_update <= now <= crl.next_update:
        raise AppraisalError("crl_validity", "a list of revoked certificates is out of date, or a clock is wrong")


def _any_revoked(certificates: Iterable[Certificate], crl: Crl) -> bool:
    return any(certificate.serial_number in crl.revoked for certificate in certificates)


def _verify_signers(subject: Examination) -> tuple[Certificate, Certificate]:
    """Return the certificates that signed TCB info and QE identity, verified but for revocation."""
    try:
        chains = subject.tcb_info_chain, subject.qe_identity_chain
        for chain in chains:
            subject.verify_chain(chain, TCB_SIGNING_CHAIN)
            check_chain_dates(chain, now=subject.expectation.now)
    except (MalformedError, AppraisalError) as error:
        raise AppraisalError("collateral_signer", f"a list is signed by somebody else ({error})") from error
    return chains[0][0], chains[1][0]


def _is_enclave(report: QeReport, identity: QeIdentity) -> bool:
    """Compare a QE's report with the identity Intel published; masks leave bits out that may differ."""
    return (
        report.mr_signer == identity.mr_signer
        and report.isv_prod_id == identity.isv_prod_id
        and _masked(report.misc_select, identity.misc_select_mask) == identity.misc_select
        and _masked(report.attributes, identity.attributes_mask) == identity.attributes
    )


def _masked(value: bytes, mask: bytes) -> bytes:
    return bytes(byte & bits for byte, bits in zip(value, mask, strict=True))
