"""What Intel publishes about a platform: carried on the wire, parsed from the exact signed texts.

The wire form is that of dcap-qvl's QuoteCollateralV3 (docs/PROTOCOL.md §2); the texts are TCB info v3 and QE identity
v2 of Intel's PCS API v4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from attestation.encoding import parse_json
from attestation.errors import AppraisalError, MalformedError
from attestation.members import Members, unhex

TCB_INFO_ID = "TDX"
QE_IDENTITY_ID = "TD_QE"
SVN_COUNT = 16
PLATFORM_STATUSES = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "Revoked",
    }
)
ENCLAVE_STATUSES = frozenset({"UpToDate", "OutOfDate", "Revoked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """One platform's collateral. Parsed, not verified.

    Issuer chains are PEM text (signer, then root), CRLs are DER, signatures are r || s over the exact
    UTF-8 bytes of `tcb_info` and `qe_identity`.
    """

    pck_crl_issuer_chain: str
    root_ca_crl: bytes
    pck_crl: bytes
    tcb_info_issuer_chain: str
    tcb_info: str
    tcb_info_signature: bytes
    qe_identity_issuer_chain: str
    qe_identity: str
    qe_identity_signature: bytes

    def to_wire(self) -> dict[str, str]:
        """Return the members of the wire form: texts as they are, bytes in hex."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value.hex() if isinstance(value, bytes) else value for name, value in values}

    @classmethod
    def from_wire(cls, members: object) -> Collateral:
        """Read the wire form; members of other names are left alone.

        Raises:
            MalformedError: not an object, a member is missing, not text, or not hex.
        """
        if not isinstance(members, Mapping):
            raise MalformedError("collateral is not an object")
        texts = {name: _text(members, name) for name in _TEXTS}
        blobs = {name: unhex(_text(members, name)) for name in _BLOBS}
        return cls(**texts, **blobs)  # type: ignore[arg-type]


_TEXTS = tuple(field.name for field in fields(Collateral) if field.type == "str")
_BLOBS = tuple(field.name for field in fields(Collateral) if field.type == "bytes")


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"collateral has no text {name}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SvnLevel:
    """What an ISVSVN of a TDX module or of the QE means; `date` as in `TcbLevel`."""

    isv_svn: int
    date: datetime
    status: str
    advisories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbLevel:
    """What reaching 16 SGX and 16 TDX component SVNs and a PCESVN means.

    `date` (tcbDate): whoever reaches this level is safe from every advisory that was published until then.
    """

    sgx_svns: tuple[int, ...]
    pce_svn: int
    tdx_svns: tuple[int, ...]
    date: datetime
    status: str
    advisories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxModule:
    """One generation of the TDX module: `mr_signer` 48, `attributes` and their mask 8 bytes; best level first."""

    id: str
    mr_signer: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple[SvnLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """Intel's list of levels for one FMSPC (6 bytes) and PCEID (2 bytes); best level first. Parsed, not verified."""

    issued_at: datetime
    next_update: datetime
    fmspc: bytes
    pce_id: bytes
    evaluation_number: int
    module: TdxModule
    module_identities: tuple[TdxModule, ...]
    levels: tuple[TcbLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QeIdentity:
    """What a genuine TD quoting enclave looks like; best level first. Parsed, not verified.

    Sizes: `misc_select` 4, `attributes` 16 (and their masks), `mr_signer` 32 bytes.
    """

    issued_at: datetime
    next_update: datetime
    evaluation_number: int
    misc_select: bytes
    misc_select_mask: bytes
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[SvnLevel, ...]


def parse_tcb_info(text: str) -> TcbInfo:
    """Parse the exact signed text of a TDX TCB info of version 3 or later; unknown members are left alone.

    Raises:
        MalformedError: not of the form.
        AppraisalError: `collateral_kind`, another id, version or TCB type.
    """
    members = _open(text, name=TCB_INFO_ID, min_version=3)
    if members.integer("tcbType") != 0:
        raise AppraisalError("collateral_kind", "the TCB info is of an unknown TCB type")
    levels = [_tcb_level(item) for item in members.objects("tcbLevels")]
    return TcbInfo(
        issued_at=members.time("issueDate"),
        next_update=members.time("nextUpdate"),
        fmspc=members.hex("fmspc", size=6),
        pce_id=members.hex("pceId", size=2),
        evaluation_number=members.integer("tcbEvaluationDataNumber"),
        module=_module(members.nested("tdxModule"), name="", levels=()),
        module_identities=tuple(_module_identity(item) for item in members.objects("tdxModuleIdentities", missing=())),
        levels=tuple(sorted(levels, key=lambda level: (level.sgx_svns, level.pce_svn, level.tdx_svns), reverse=True)),
    )


def parse_qe_identity(text: str) -> QeIdentity:
    """Parse the exact signed text of a TD QE identity of version 2 or later; unknown members are left alone.

    Raises:
        MalformedError: not of the form.
        AppraisalError: `collateral_kind`, another id or version.
    """
    members = _open(text, name=QE_IDENTITY_ID, min_version=2)
    return QeIdentity(
        issued_at=members.time("issueDate"),
        next_update=members.time("nextUpdate"),
        evaluation_number=members.integer("tcbEvaluationDataNumber"),
        misc_select=members.hex("miscselect", size=4),
        misc_select_mask=members.hex("miscselectMask", size=4),
        attributes=members.hex("attributes", size=16),
        attributes_mask=members.hex("attributesMask", size=16),
        mr_signer=members.hex("mrsigner", size=32),
        isv_prod_id=members.integer("isvprodid"),
        levels=_svn_levels(members),
    )


def _open(text: str, *, name: str, min_version: int) -> Members:
    try:
        members = Members(parse_json(text.encode()))
    except UnicodeEncodeError as error:
        raise MalformedError("the collateral holds a lone surrogate") from error
    if members.text("id") != name or members.integer("version") < min_version:
        raise AppraisalError(
            "collateral_kind", f"the collateral is not a {name} text of version {min_version} or later"
        )
    return members


def _module(members: Members, *, name: str, levels: tuple[SvnLevel, ...]) -> TdxModule:
    return TdxModule(
        id=name,
        mr_signer=members.hex("mrsigner", size=48),
        attributes=members.hex("attributes", size=8),
        attributes_mask=members.hex("attributesMask", size=8),
        levels=levels,
    )


def _module_identity(members: Members) -> TdxModule:
    return _module(members, name=members.text("id"), levels=_svn_levels(members))


def _svn_levels(members: Members) -> tuple[SvnLevel, ...]:
    levels = [
        SvnLevel(
            isv_svn=item.nested("tcb").integer("isvsvn"),
            date=item.time("tcbDate"),
            status=_status(item, known=ENCLAVE_STATUSES),
            advisories=_advisories(item),
        )
        for item in members.objects("tcbLevels")
    ]
    return tuple(sorted(levels, key=lambda level: level.isv_svn, reverse=True))


def _tcb_level(members: Members) -> TcbLevel:
    tcb = members.nested("tcb")
    return TcbLevel(
        sgx_svns=_component_svns(tcb, "sgxtcbcomponents"),
        pce_svn=tcb.integer("pcesvn"),
        tdx_svns=_component_svns(tcb, "tdxtcbcomponents"),
        date=members.time("tcbDate"),
        status=_status(members, known=PLATFORM_STATUSES),
        advisories=_advisories(members),
    )


def _component_svns(tcb: Members, name: str) -> tuple[int, ...]:
    svns = tuple(component.integer("svn", limit=0xFF) for component in tcb.objects(name))
    if len(svns) != SVN_COUNT:
        raise MalformedError(f"{name} in the collateral are not {SVN_COUNT}")
    return svns


def _status(members: Members, *, known: frozenset[str]) -> str:
    status = members.text("tcbStatus")
    if status not in known:
        raise MalformedError("the collateral names an unknown status")
    return status


def _advisories(members: Members) -> tuple[str, ...]:
    return members.texts("advisoryIDs", missing=())
