"""Quote bytes taken apart into frozen values (Intel TDX DCAP quoting library, quote versions 4 and 5).

For showing and comparing; trusts nothing and verifies nothing. Integers are little-endian, keys and
signatures big-endian x || y and r || s.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from attestation.errors import MalformedError

MAX_QUOTE_SIZE = 64 * 1024
HEADER_SIZE = 48
TEE_TYPE_TDX = 0x81
KEY_TYPE_ECDSA_P256 = 2
INTEL_QE_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
BODY_TD10, BODY_TD15, BODY_TD15_EX = 2, 3, 4
BODY_SIZES = {BODY_TD10: 584, BODY_TD15: 648, BODY_TD15_EX: 885}
CERTIFICATION_QE_REPORT = 6
CERTIFICATION_PCK_CHAIN = 5
QE_REPORT_SIZE = 384


class MalformedQuoteError(MalformedError):
    """The bytes are not a quote of a known kind; `code` is one of the `quote.parse` codes."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first 48 bytes; `qe_vendor_id` 16 and `user_data` 20 bytes."""

    version: int
    attestation_key_type: int
    tee_type: int
    qe_svn: int
    pce_svn: int
    qe_vendor_id: bytes
    user_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TdReport:
    """The TD report inside a quote.

    Sizes: SVNs 16, attributes and XFAM 8, measurements 48, `report_data` 64 bytes. The members that
    have a default are those of later body types; None where the body does not carry them.
    """

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes | None = None
    mr_service_td: bytes | None = None
    extension: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QeReport:
    """The quoting enclave's own report (SGX REPORTBODY, 384 bytes, kept whole in `raw`)."""

    raw: bytes
    cpu_svn: bytes
    misc_select: bytes
    attributes: bytes
    mr_enclave: bytes
    mr_signer: bytes
    isv_prod_id: int
    isv_svn: int
    report_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One parsed quote. `signed` are the exact bytes under the attestation key's signature.

    `attestation_key` (x || y), `signature` and `qe_report_signature` (r || s) are 64 bytes each;
    `pck_chain` is the PEM text as it stands in the quote, without a closing NUL.
    """

    header: Header
    body_type: int
    report: TdReport
    signed: bytes
    signature: bytes
    attestation_key: bytes
    qe_report: QeReport
    qe_report_signature: bytes
    qe_authentication_data: bytes
    pck_chain: bytes


def parse_quote(raw: bytes) -> Quote:
    """Parse a TDX quote of version 4, or of version 5 with body type 2, 3 or 4.

    Every length must be consumed exactly; behind the signature data only zeros may follow (platforms pad
    their quotes), and they are no part of the value.

    Raises:
        MalformedQuoteError: anything else; its code names the rule.
    """
    if len(raw) > MAX_QUOTE_SIZE:
        raise MalformedQuoteError("quote_malformed", "larger than any quote")
    reader = _Reader(raw)
    header = _parse_header(reader)
    body_type = _parse_body_type(reader, version=header.version)
    report = _parse_report(reader.take(BODY_SIZES[body_type]))
    signed = raw[: reader.position]
    signature_data = _Reader(reader.take(reader.u32()))
    signature, attestation_key = signature_data.take(64), signature_data.take(64)
    certification = _open_certification(signature_data, kind=CERTIFICATION_QE_REPORT)
    qe_report = _parse_qe_report(certification.take(QE_REPORT_SIZE))
    qe_report_signature = certification.take(64)
    qe_authentication_data = certification.take(certification.u16())
    chain = _open_certification(certification, kind=CERTIFICATION_PCK_CHAIN).rest()
    if any(reader.rest()):
        raise MalformedQuoteError("quote_trailing", "something other than zeros follows the quote")
    return Quote(
        header=header,
        body_type=body_type,
        report=report,
        signed=signed,
        signature=signature,
        attestation_key=attestation_key,
        qe_report=qe_report,
        qe_report_signature=qe_report_signature,
        qe_authentication_data=qe_authentication_data,
        pck_chain=chain.removesuffix(b"\x00"),
    )


class _Reader:
    """Takes bytes off the front; a short read is `quote_malformed`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise MalformedQuoteError("quote_malformed", "the quote ends too early")
        taken, self.position = self._data[self.position : end], end
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data) - self.position)

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")


def _parse_header(reader: _Reader) -> Header:
    version, key_type, tee_type, qe_svn, pce_svn, vendor_id, user_data = struct.unpack(
        "<HHIHH16s20s", reader.take(HEADER_SIZE)
    )
    if version not in (4, 5):
        raise MalformedQuoteError("quote_version", f"version {version} is neither 4 nor 5")
    if tee_type != TEE_TYPE_TDX:
        raise MalformedQuoteError("quote_tee_type", f"TEE type {tee_type:#x} is not TDX")
    if key_type != KEY_TYPE_ECDSA_P256:
        raise MalformedQuoteError("quote_key_type", f"attestation key type {key_type} is not ECDSA P-256")
    if vendor_id != INTEL_QE_VENDOR_ID:
        raise MalformedQuoteError("quote_vendor", "the quoting enclave is not of Intel's vendor id")
    return Header(
        version=version,
        attestation_key_type=key_type,
        tee_type=tee_type,
        qe_svn=qe_svn,
        pce_svn=pce_svn,
        qe_vendor_id=vendor_id,
        user_data=user_data,
    )


def _parse_body_type(reader: _Reader, *, version: int) -> int:
    """Return the body type; a version 4 quote has no descriptor and always the TDX 1.0 body."""
    if version == 4:
        return BODY_TD10
    body_type, size = reader.u16(), reader.u32()
    if BODY_SIZES.get(body_type) != size:
        raise MalformedQuoteError("quote_body", f"body type {body_type} of {size} bytes is unknown")
    return body_type


_MEASUREMENTS = "16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s"


def _parse_report(body: bytes) -> TdReport:
    names = tuple(TdReport.__dataclass_fields__)[:15]
    members = dict(zip(names, struct.unpack_from(_MEASUREMENTS, body), strict=True))
    if len(body) == BODY_SIZES[BODY_TD10]:
        return TdReport(**members)
    extension = body[BODY_SIZES[BODY_TD15] :] or None
    return TdReport(**members, tee_tcb_svn2=body[584:600], mr_service_td=body[600:648], extension=extension)


def _open_certification(reader: _Reader, *, kind: int) -> _Reader:
    """Return a reader over certification data of one kind that must reach exactly to the end."""
    found, size = reader.u16(), reader.u32()
    data = reader.rest()
    if found != kind:
        raise MalformedQuoteError("quote_certification", f"certification data is of type {found}, not {kind}")
    if len(data) != size:
        raise MalformedQuoteError("quote_certification", "the certification data's size is not the one it states")
    return _Reader(data)


def _parse_qe_report(raw: bytes) -> QeReport:
    cpu_svn, misc_select, attributes, mr_enclave, mr_signer, prod_id, svn, report_data = struct.unpack(
        "<16s4s28x16s32s32x32s96xHH60x64s", raw
    )
    return QeReport(
        raw=raw,
        cpu_svn=cpu_svn,
        misc_select=misc_select,
        attributes=attributes,
        mr_enclave=mr_enclave,
        mr_signer=mr_signer,
        isv_prod_id=prod_id,
        isv_svn=svn,
        report_data=report_data,
    )
