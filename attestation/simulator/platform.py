"""A whole simulated platform as one value: its PKI, its quoting enclave, and what is published about it."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding

from attestation.collateral import Collateral
from attestation.simulator.pck_extension import PckValues
from attestation.simulator.pki import Pki, Signer, build_crl, derive_key
from attestation.simulator.quotes import BODY_TDX_1_5, QuotingEnclave, build_quote
from attestation.simulator.tcb import (
    EVALUATION_NUMBER,
    MODULE_SVN,
    OLD_LEVEL,
    OLD_MODULE_LEVEL,
    QE_SVN,
    QeIdentity,
    SvnLevel,
    TcbInfo,
    TcbLevel,
)
from attestation.simulator.td_report import Td

# TCB info, QE identity and PCK CRL hold for as long as Intel's do; Intel's root CRL holds a year.
COLLATERAL_LIFETIME = timedelta(days=30)
ROOT_CRL_LIFETIME = timedelta(days=365)

Revocable = Literal["pck", "pck_ca", "tcb_signing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A platform whose quotes and collateral belong together."""

    pki: Pki
    enclave: QuotingEnclave
    pck_values: PckValues

    @classmethod
    def create(
        cls,
        created_at: datetime,
        *,
        seed: bytes | None = None,
        pck_values: PckValues | None = None,
        ca: Literal["Platform", "Processor"] = "Platform",
    ) -> Platform:
        """Make a platform; equal seeds and arguments make equal platforms, no seed a new one."""
        seed = seed or secrets.token_bytes(32)
        values = pck_values or PckValues()
        return cls(
            pki=Pki.create(created_at, seed=seed, pck_values=values, ca=ca),
            enclave=QuotingEnclave(attestation_key=derive_key(seed, "attestation key"), cpu_svn=values.cpu_svn),
            pck_values=values,
        )

    @property
    def root_der(self) -> bytes:
        """The root certificate that a verifier must pin to believe this platform."""
        return self.pki.root.certificate.public_bytes(Encoding.DER)

    def quote(self, td: Td, *, version: int = 4, body_type: int = BODY_TDX_1_5) -> bytes:
        """Return a signed quote for a TD; `body_type` matters to version 5 only."""
        return build_quote(td, enclave=self.enclave, pck=self.pki.pck, version=version, body_type=body_type)

    def tcb_info(
        self,
        issued_at: datetime,
        *,
        status: str = "UpToDate",
        advisories: tuple[str, ...] = (),
        module_status: str = "UpToDate",
        evaluation_number: int = EVALUATION_NUMBER,
    ) -> TcbInfo:
        """Return TCB info whose newest level is this platform's own and has the given status."""
        own = TcbLevel(
            sgx_svns=self.pck_values.svns, pce_svn=self.pck_values.pce_svn, status=status, advisories=advisories
        )
        module = SvnLevel(isv_svn=MODULE_SVN, status=module_status)
        return TcbInfo(
            issued_at=issued_at,
            next_update=issued_at + COLLATERAL_LIFETIME,
            fmspc=self.pck_values.fmspc,
            pce_id=self.pck_values.pce_id,
            evaluation_number=evaluation_number,
            levels=(own, OLD_LEVEL),
            modules=(("TDX_01", (module, OLD_MODULE_LEVEL)),),
        )

    def qe_identity(
        self, issued_at: datetime, *, status: str = "UpToDate", evaluation_number: int = EVALUATION_NUMBER
    ) -> QeIdentity:
        """Return the identity of this platform's quoting enclave with the given status."""
        return QeIdentity(
            issued_at=issued_at,
            next_update=issued_at + COLLATERAL_LIFETIME,
            evaluation_number=evaluation_number,
            levels=(SvnLevel(isv_svn=QE_SVN, status=status),),
        )

    def collateral(
        self,
        issued_at: datetime,
        *,
        tcb_info: TcbInfo | None = None,
        qe_identity: QeIdentity | None = None,
        revoked: Collection[Revocable] = (),
    ) -> Collateral:
        """Return collateral that was all issued at one moment; what is not given says UpToDate."""
        return build_collateral(
            self.pki,
            issued_at=issued_at,
            tcb_info=tcb_info or self.tcb_info(issued_at),
            qe_identity=qe_identity or self.qe_identity(issued_at),
            revoked=revoked,
        )


def build_collateral(
    pki: Pki,
    *,
    issued_at: datetime,
    tcb_info: TcbInfo,
    qe_identity: QeIdentity,
    revoked: Collection[Revocable] = (),
    tcb_info_signer: Signer | None = None,
    qe_identity_signer: Signer | None = None,
) -> Collateral:
    """Sign and assemble collateral; another signer than the TCB signing certificate is a role confusion."""
    tcb_info_signer = tcb_info_signer or pki.tcb_signing
    qe_identity_signer = qe_identity_signer or pki.tcb_signing
    tcb_info_text, qe_identity_text = tcb_info.text(), qe_identity.text()
    return Collateral(
        pck_crl_issuer_chain=pki.pck_ca.chain_pem(),
        root_ca_crl=build_root_crl(pki, issued_at=issued_at, revoked=revoked),
        pck_crl=build_pck_crl(pki, issued_at=issued_at, revoked=revoked),
        tcb_info_issuer_chain=tcb_info_signer.chain_pem(),
        tcb_info=tcb_info_text,
        tcb_info_signature=tcb_info_signer.sign(tcb_info_text.encode()),
        qe_identity_issuer_chain=qe_identity_signer.chain_pem(),
        qe_identity=qe_identity_text,
        qe_identity_signature=qe_identity_signer.sign(qe_identity_text.encode()),
    )


def build_root_crl(pki: Pki, *, issued_at: datetime, revoked: Collection[Revocable] = ()) -> bytes:
    """Return the root's CRL, where the PCK CA and the TCB signer can stand."""
    named = [("pck_ca", pki.pck_ca), ("tcb_signing", pki.tcb_signing)]
    return build_crl(
        pki.root,
        issued_at=issued_at,
        next_update=issued_at + ROOT_CRL_LIFETIME,
        revoked=[signer.certificate for name, signer in named if name in revoked],
    )


def build_pck_crl(pki: Pki, *, issued_at: datetime, revoked: Collection[Revocable] = ()) -> bytes:
    """Return the PCK CA's CRL, where the PCK certificate can stand."""
    return build_crl(
        pki.pck_ca,
        issued_at=issued_at,
        next_update=issued_at + COLLATERAL_LIFETIME,
        revoked=[pki.pck.certificate] if "pck" in revoked else [],
    )
