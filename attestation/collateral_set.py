"""Collateral as a service hands it out: its parts read from answers, and verified as one set."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from attestation.collateral import Collateral, parse_qe_identity, parse_tcb_info
from attestation.errors import AppraisalError, MalformedError
from attestation.members import unhex
from attestation.pck import parse_pck_extension
from attestation.pki import (
    PCK_CA_CHAIN,
    PCK_CHAIN,
    TCB_SIGNING_CHAIN,
    Chain,
    Role,
    parse_chain,
    verify_chain,
    verify_crl,
)
from attestation.quote import parse_quote
from attestation.signatures import RAW_SIGNATURE_SIZE, has_signed

_SIGNATURE_END = re.compile(r'\s*,\s*"signature"\s*:\s*"([0-9a-fA-F]*)"\s*\}\s*\Z')
# The first byte of a DER sequence; in hex the same CRL begins with the digit 3, another byte.
_DER_SEQUENCE = b"\x30"
# Intel signs lists for 30 days and anew each day: what is as old as this was not refreshed for a while,
# and what ends as soon as this leaves a week to find out why.
STALE_S = 24 * 3600.0
EXPIRING_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """What a service needs to know to find collateral: the FMSPC (6 bytes), and which CA signed the PCK."""

    fmspc: bytes
    ca: Literal["platform", "processor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralSet:
    """Collateral whose signatures and CRLs were verified together, with the numbers and dates that may never fall.

    `expires_at` is when the first of its parts ends.
    """

    collateral: Collateral
    fetched_at: datetime
    expires_at: datetime
    evaluation_numbers: tuple[int, int]
    issued_at: tuple[datetime, datetime, datetime, datetime]

    def is_older_than(self, other: CollateralSet) -> bool:
        """Tell whether any part is older than the same part of another set."""
        numbers = zip(self.evaluation_numbers, other.evaluation_numbers, strict=True)
        dates = zip(self.issued_at, other.issued_at, strict=True)
        return any(mine < theirs for mine, theirs in numbers) or any(mine < theirs for mine, theirs in dates)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralStanding:
    """How the collateral in use stands at `now`: its age, and when the first part of it ends."""

    age_s: float
    expires_at: datetime
    now: datetime

    @property
    def fault(self) -> str:
        """`collateral_expired`, after which nothing is affirmed any more; else empty."""
        return "collateral_expired" if self.expires_at <= self.now else ""

    @property
    def warning(self) -> str:
        """`collateral_expiring` or `collateral_stale`: somebody should look, while everything still works."""
        if (self.expires_at - self.now).total_seconds() < EXPIRING_S:
            return "collateral_expiring"
        return "collateral_stale" if self.age_s > STALE_S else ""

    def to_wire(self) -> dict[str, int]:
        """Return age and end as `/readyz` says them, in whole seconds."""
        return {"age_s": max(0, int(self.age_s)), "expires_at": int(self.expires_at.timestamp())}


def platform_of(quote: bytes) -> PlatformKey:
    """Return which collateral a quote asks for. Verifies nothing.

    Raises:
        MalformedError: the quote or its PCK chain cannot be read, or no PCK CA stands in it.
    """
    leaf, issuer, _root = parse_chain(parse_quote(quote).pck_chain, PCK_CHAIN)
    if leaf.sgx_extension is None:
        raise MalformedError("the PCK certificate has no SGX extension")
    fmspc = parse_pck_extension(leaf.sgx_extension).fmspc
    if issuer.common_name.endswith("Platform CA"):
        return PlatformKey(fmspc, "platform")
    if issuer.common_name.endswith("Processor CA"):
        return PlatformKey(fmspc, "processor")
    raise MalformedError("neither a Platform nor a Processor CA signed the PCK certificate")


def parse_envelope(body: bytes, *, name: str) -> tuple[str, bytes]:
    """Return the exact text of the inner object of `{"<name>":{…},"signature":"…"}`, and the signature (64 bytes).

    Raises:
        MalformedError: not of this form.
    """
    try:
        text = body.decode("utf-8")
        start = re.compile(rf'\s*\{{\s*"{name}"\s*:\s*(?=\{{)').match(text)
        if start is None:
            raise MalformedError(f"no {name} stands first")
        _value, end = json.JSONDecoder().raw_decode(text, start.end())
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{name} is not JSON") from error
    signature = _SIGNATURE_END.match(text, end)
    if signature is None or len(signature[1]) != 2 * RAW_SIGNATURE_SIZE:
        raise MalformedError(f"no signature stands behind {name}")
    return text[start.end() : end], bytes.fromhex(signature[1])


def parse_crl_body(body: bytes) -> bytes:
    """Return a CRL's DER, which Intel's service sends as it is and a PCCS in hex.

    Raises:
        MalformedError: neither.
    """
    if body.startswith(_DER_SEQUENCE):
        return body
    try:
        return unhex(body.decode("ascii").strip())
    except UnicodeDecodeError as error:
        raise MalformedError("neither DER nor hex") from error


def verify_set(
    collateral: Collateral, *, key: PlatformKey, root_sha256: frozenset[bytes], fetched_at: datetime
) -> CollateralSet:
    """Verify that pinned roots stand above every part, and that it speaks of this platform.

    Looks neither at what is in date, nor at who is revoked, nor at what a policy accepts: the appraisal does.

    Raises:
        MalformedError, AppraisalError: a part cannot be read, was not signed, or is another platform's.
    """
    tcb_chain = _verified_chain(collateral.tcb_info_issuer_chain, TCB_SIGNING_CHAIN, root_sha256)
    qe_chain = _verified_chain(collateral.qe_identity_issuer_chain, TCB_SIGNING_CHAIN, root_sha256)
    crl_chain = _verified_chain(collateral.pck_crl_issuer_chain, PCK_CA_CHAIN, root_sha256)
    pck_ca, root = crl_chain
    pck_crl = verify_crl(collateral.pck_crl, issuer=pck_ca)
    root_crl = verify_crl(collateral.root_ca_crl, issuer=root)
    signed = (
        (tcb_chain[0], collateral.tcb_info_signature, collateral.tcb_info),
        (qe_chain[0], collateral.qe_identity_signature, collateral.qe_identity),
    )
    for signer, signature, text in signed:
        if not has_signed(signer.key, signature, text.encode()):
            raise AppraisalError("collateral_signature", "a text was not signed by the certificate above it")
    tcb_info, qe_identity = parse_tcb_info(collateral.tcb_info), parse_qe_identity(collateral.qe_identity)
    if tcb_info.fmspc != key.fmspc:
        raise AppraisalError("fmspc_mismatch", "the TCB info is another platform's")
    return CollateralSet(
        collateral=collateral,
        fetched_at=fetched_at,
        expires_at=min(
            *(part.next_update for part in (tcb_info, qe_identity, pck_crl, root_crl)),
            *(certificate.not_after for chain in (tcb_chain, qe_chain, crl_chain) for certificate in chain),
        ),
        evaluation_numbers=(tcb_info.evaluation_number, qe_identity.evaluation_number),
        issued_at=(tcb_info.issued_at, qe_identity.issued_at, pck_crl.this_update, root_crl.this_update),
    )


def _verified_chain(pem: str, roles: tuple[Role, ...], root_sha256: frozenset[bytes]) -> Chain:
    chain = parse_chain(pem.encode(), roles)
    root = chain[-1].der
    if hashlib.sha256(root).digest() not in root_sha256:
        raise AppraisalError("chain_root", "the certificates do not lead to a pinned root")
    verify_chain(chain, roles, root=root)
    return chain
