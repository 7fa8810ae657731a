"""Simulated TD quotes, v4 and v5 with body types 2, 3 and 4 (Intel TDX DCAP Quoting Library API, appendix A)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from attestation.simulator.pck_extension import SGX_SVNS
from attestation.simulator.pki import Signer, raw_public_key, sign_raw
from attestation.simulator.tcb import QE_MR_SIGNER, QE_PROD_ID, QE_SVN
from attestation.simulator.td_report import Td

USER_DATA = b"SIMULATED-TDX-QUOTE!"
# Verifiers refuse any other vendor; the user data, the root and the names say what this is.
QE_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
BODY_TDX_1_0, BODY_TDX_1_5, BODY_TDX_1_5_EX = 2, 3, 4

_TEE_TDX = 0x81
_ECDSA_P256 = 2
_CERT_QE_REPORT, _CERT_PCK_CHAIN = 6, 5
_HEADER = struct.Struct("<HHI4x16s20s")
_BODY = struct.Struct("<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s")
# vmid, td_id, devinfo, then the service TDs at start and now, with the platform's SVNs and FMSPC at start
_EXTENSION_SIZE = 237
# CPUSVN, MISCSELECT, ATTRIBUTES, MRENCLAVE, MRSIGNER, ISVPRODID, ISVSVN, REPORTDATA (SGX REPORTBODY, 384 bytes)
_QE_REPORT = struct.Struct("<16s4s28x16s32s32x32s96xHH60x64s")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotingEnclave:
    """The TD quoting enclave as its own report shows it."""

    attestation_key: ec.EllipticCurvePrivateKey
    cpu_svn: bytes = bytes(SGX_SVNS)
    misc_select: bytes = bytes(4)
    attributes: bytes = bytes.fromhex("1500000000000000e700000000000000")
    mr_enclave: bytes = hashlib.sha256(b"SIMULATED TD quoting enclave").digest()
    mr_signer: bytes = QE_MR_SIGNER
    isv_prod_id: int = QE_PROD_ID
    isv_svn: int = QE_SVN
    authentication_data: bytes = bytes(range(32))

    def report(self) -> bytes:
        """Return the 384 bytes that bind the attestation key to the enclave."""
        bound = hashlib.sha256(raw_public_key(self.attestation_key) + self.authentication_data).digest()
        return _QE_REPORT.pack(
            self.cpu_svn,
            self.misc_select,
            self.attributes,
            self.mr_enclave,
            self.mr_signer,
            self.isv_prod_id,
            self.isv_svn,
            bound + bytes(32),
        )


def build_quote(
    report: Td, *, enclave: QuotingEnclave, pck: Signer, version: int = 4, body_type: int = BODY_TDX_1_5
) -> bytes:
    """Return a signed quote; `body_type` matters to version 5 only.

    `pck` signs the enclave's report, and its chain is what the quote carries.
    """
    signed = _HEADER.pack(version, _ECDSA_P256, _TEE_TDX, QE_VENDOR_ID, USER_DATA)
    body = build_body(report, body_type=BODY_TDX_1_0 if version == 4 else body_type)
    if version == 5:
        signed += struct.pack("<HI", body_type, len(body))
    signed += body
    signature = build_signature_data(signed, enclave=enclave, pck=pck)
    return signed + struct.pack("<I", len(signature)) + signature


def build_body(report: Td, *, body_type: int) -> bytes:
    """Return a TD body: 584 bytes for type 2, 648 for type 3, 885 for type 4."""
    body = _BODY.pack(
        report.tee_tcb_svn,
        report.mr_seam,
        report.mr_signer_seam,
        report.seam_attributes,
        report.td_attributes,
        report.xfam,
        report.mr_td,
        report.mr_config_id,
        report.mr_owner,
        report.mr_owner_config,
        report.rtmr0,
        report.rtmr1,
        report.rtmr2,
        report.rtmr3,
        report.report_data,
    )
    if body_type == BODY_TDX_1_0:
        return body
    body += report.tee_tcb_svn2 + report.mr_service_td
    return body if body_type == BODY_TDX_1_5 else body + bytes(_EXTENSION_SIZE)


def build_signature_data(signed: bytes, *, enclave: QuotingEnclave, pck: Signer) -> bytes:
    """Return what follows the length: signature, attestation key, QE report and the PCK chain."""
    qe_report = enclave.report()
    chain = pck.chain_pem().encode() + b"\x00"
    certification = (
        qe_report
        + pck.sign(qe_report)
        + struct.pack("<H", len(enclave.authentication_data))
        + enclave.authentication_data
        + struct.pack("<HI", _CERT_PCK_CHAIN, len(chain))
        + chain
    )
    return (
        sign_raw(enclave.attestation_key, signed)
        + raw_public_key(enclave.attestation_key)
        + struct.pack("<HI", _CERT_QE_REPORT, len(certification))
        + certification
    )
