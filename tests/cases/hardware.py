"""One case per rule of `quote.*`: good except for that rule, and signed by whoever should sign."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from attestation.encoding import b64decode, b64encode
from attestation.pki import INTEL_ROOT_CA
from attestation.simulator.pck_extension import PckValues, build_pck_extension
from attestation.simulator.pki import (
    Signer,
    build_crl,
    issue,
    issue_pck,
    issue_pck_ca,
    issue_tcb_signing,
    sign_raw,
)
from attestation.simulator.platform import build_collateral
from attestation.simulator.tcb import QeIdentity, TcbInfo
from tests.cases.case import NEEDS_QUOTE, Case
from tests.cases.scene import COLLATERAL, CREATED_AT, ISSUED_AT, NOW, OTHER_PLATFORM, PLATFORM, SEED, Scene

YEAR = timedelta(days=365)
PKI = PLATFORM.pki
# Offsets in a version 4 quote (Intel TDX DCAP Quoting Library API, appendix A).
SIGNATURE, ATTESTATION_KEY, CERTIFICATION = 636, 700, 764
QE_REPORT, QE_REPORT_SIGNATURE, AUTHENTICATION_DATA, PCK_CHAIN = 770, 1154, 1220, 1252
FOREIGN = {"quote.chain": "chain_root", "quote.collateral": "collateral_signer"}


def cases() -> Iterator[Case]:
    yield from _parse()
    yield from _anchor()
    yield from _chain()
    yield from _crls()
    yield from _collateral_form()
    yield from _collateral_signers()
    yield from _collateral_content()
    yield from _enclave()


def spoil_quote(scene: Scene, change: Callable[[bytes], bytes]) -> Scene:
    """Return a scene whose quote is changed after it was signed."""
    quote = b64decode(scene.build()["evidence"]["quote"])
    return replace(scene, spoiled={**scene.spoiled, "evidence.quote": b64encode(change(quote))})


def put(offset: int, data: bytes) -> Callable[[bytes], bytes]:
    """Return a function that overwrites bytes at an offset."""
    return lambda quote: quote[:offset] + data + quote[offset + len(data) :]


def resign_qe_report(quote: bytes) -> bytes:
    """Return a version 4 quote whose changed QE report is signed by the PCK key."""
    return put(QE_REPORT_SIGNATURE, PKI.pck.sign(quote[QE_REPORT : QE_REPORT + 384]))(quote)


def bind_key(quote: bytes, key: bytes) -> bytes:
    """Return a version 4 quote with another attestation key (64 bytes) that its QE vouches for."""
    bound = hashlib.sha256(key + quote[AUTHENTICATION_DATA : AUTHENTICATION_DATA + 32]).digest()
    return resign_qe_report(put(QE_REPORT + 320, bound)(put(ATTESTATION_KEY, key)(quote)))


def with_enclave(**changes: Any) -> Scene:
    return Scene(enclave=replace(PLATFORM.enclave, **changes))


def with_pck(pck: Signer) -> Scene:
    return Scene(pck=pck)


def with_collateral(**changes: Any) -> Scene:
    return Scene(collateral=replace(COLLATERAL, **changes))


def _parse() -> Iterator[Case]:
    v4, v5 = Scene(), Scene(version=5)
    damaged = {
        "quote_malformed": spoil_quote(v4, lambda quote: quote[:-1]),
        "quote_version": spoil_quote(v4, put(0, b"\x03")),
        "quote_tee_type": spoil_quote(v4, put(4, b"\x00")),
        "quote_key_type": spoil_quote(v4, put(2, b"\x03")),
        "quote_vendor": spoil_quote(v4, put(12, bytes(16))),
        "quote_body": spoil_quote(v5, put(48, struct.pack("<HI", 1, 384))),
        "quote_certification": spoil_quote(v4, put(CERTIFICATION, struct.pack("<H", 5))),
        "quote_trailing": spoil_quote(v4, lambda quote: quote + bytes(64) + b"\x01"),
    }
    more = {
        "quote_malformed": spoil_quote(v4, lambda _: b""),
        "quote_body": spoil_quote(v5, put(50, struct.pack("<I", 584))),
        "quote_certification": spoil_quote(v4, put(PCK_CHAIN, struct.pack("<H", 6))),
    }
    sizes = {
        "quote_malformed": spoil_quote(v4, put(632, b"\xff\xff\xff\x7f")),
        "quote_certification": spoil_quote(v4, put(PCK_CHAIN + 2, b"\x00")),
    }
    for number, group in enumerate((damaged, more, sizes)):
        for code, scene in group.items():
            yield Case(
                name=f"{code}: {number}",
                scene=scene,
                fails={"quote.parse": code},
                unknown=NEEDS_QUOTE,
                tcb_status=None,
            )


def _anchor() -> Iterator[Case]:
    refused = {"quote.chain": "simulator_refused", "quote.collateral": "collateral_signer"}
    root = "policy.simulator_root_sha256"
    yield Case(name="simulator_refused: none pinned", scene=Scene(spoiled={root: None}), fails=refused)
    other = hashlib.sha256(OTHER_PLATFORM.root_der).hexdigest()
    yield Case(name="simulator_refused: another is pinned", scene=Scene(spoiled={root: other}), fails=refused)
    yield Case(
        name="simulator_refused: not on loopback", scene=Scene(spoiled={"expectation.loopback": False}), fails=refused
    )
    yield Case(
        name="simulator_refused: no root in the evidence",
        scene=Scene(spoiled={"evidence.simulator_root": None}),
        fails=refused,
    )
    yield Case(
        name="simulator_refused: Intel's root in the evidence",
        scene=Scene(spoiled={"evidence.simulator_root": b64encode(INTEL_ROOT_CA)}),
        fails=refused,
    )
    yield Case(
        name="chain_root: simulated evidence that says it is Intel's",
        scene=Scene(spoiled={"evidence.trust_anchor": "intel"}),
        # Without release, because what is simulated has none for hardware.
        fails={**FOREIGN, "td.measurements": "release_unknown"},
    )
    yield Case(
        name="chain_root: another platform's PCK",
        scene=with_pck(OTHER_PLATFORM.pki.pck),
        fails={"quote.chain": "chain_root"},
    )


def _chain() -> Iterator[Case]:
    ca, values = PKI.pck_ca, PckValues()
    impostor = Signer(ca.certificate, OTHER_PLATFORM.pki.pck_ca.key, ca.issuer)
    sgx = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113741.1.13.1"), build_pck_extension(values))
    short = x509.UnrecognizedExtension(sgx.oid, sgx.value[:-1])
    week = timedelta(days=7)

    def leaf(role: str = "SGX PCK Certificate", issuer: Signer = ca, **options: Any) -> Signer:
        return issue(issuer, role, CREATED_AT, seed=SEED, **{"lifetime": 7 * YEAR, "extensions": (sgx,), **options})

    faulty_ca = issue(PKI.root, "SGX PCK Platform CA", CREATED_AT, seed=SEED, lifetime=YEAR)
    misnamed_ca = issue(PKI.root, "SGX Root CA", CREATED_AT, seed=SEED, lifetime=YEAR, ca_path_length=0)
    spoiled = {
        "chain_signature: by another CA's key": (leaf(issuer=impostor), "chain_signature"),
        "chain_signature: with SHA-384": (_rebuild(leaf(), algorithm=SHA384()), "chain_signature"),
        "chain_role: a TCB signer as PCK": (leaf("SGX TCB Signing"), "chain_role"),
        "chain_role: a root as PCK CA": (leaf(issuer=misnamed_ca), "chain_role"),
        "chain_constraints: a PCK that is a CA": (leaf(ca_path_length=0), "chain_constraints"),
        "chain_constraints: a PCK CA that is none": (leaf(issuer=faulty_ca), "chain_constraints"),
        "chain_constraints: unknown critical extension": (_rebuild(leaf(), critical=True), "chain_constraints"),
        "chain_validity: PCK expired": (leaf(lifetime=timedelta(days=1)), "chain_validity"),
        "chain_validity: PCK CA expired": (
            leaf(issuer=issue_pck_ca(PKI.root, CREATED_AT, seed=SEED, lifetime=timedelta(days=1))),
            "chain_validity",
        ),
    }
    for name, (pck, code) in spoiled.items():
        yield Case(name=name, scene=with_pck(pck), fails={"quote.chain": code})
    p384 = ec.derive_private_key(3, ec.SECP384R1()).public_key()
    yield Case(
        name="chain_constraints: a PCK with a P-384 key",
        scene=with_pck(_rebuild(leaf(), key=p384)),
        fails={"quote.chain": "chain_constraints", "quote.qe": "qe_signature"},
    )
    future = issue_pck(ca, NOW + week, seed=SEED, values=values)
    yield Case(
        name="chain_validity: PCK not valid yet", scene=with_pck(future), fails={"quote.chain": "chain_validity"}
    )
    for name, extension in (("no SGX extension", ()), ("broken SGX extension", (short,))):
        yield Case(
            name=f"chain_malformed: {name}",
            scene=with_pck(leaf(extensions=extension)),
            fails={"quote.chain": "chain_malformed"},
            unknown=("quote.collateral", "tcb.status"),
            tcb_status=None,
        )
    yield from _chain_text()


def _chain_text() -> Iterator[Case]:
    """The certificates in the quote as text: one too few, one too many, something between them."""
    pems = [signer.public_bytes(Encoding.PEM).decode() for signer in PKI.pck.chain()]
    texts = {
        "without the root": pems[:2],
        "with a fourth": [*pems, pems[2]],
        "something between": [pems[0], "x\n", *pems[1:]],
        "something behind": [*pems, "x"],
        "another label": [pems[0].replace(" CERTIFICATE", " X509 CRL"), *pems[1:]],
    }
    for name, parts in texts.items():
        pck = _Text(PKI.pck.certificate, PKI.pck.key, PKI.pck.issuer, text="".join(parts))
        yield Case(
            name=f"chain_malformed: {name}",
            scene=with_pck(pck),
            fails={"quote.chain": "chain_malformed"},
            unknown=("quote.collateral", "quote.qe", "tcb.status"),
            tcb_status=None,
        )


@dataclass(frozen=True)
class _Text(Signer):
    """A signer whose chain is written as it is given."""

    text: str

    def chain_pem(self) -> str:
        return self.text


def _rebuild(signer: Signer, *, algorithm: Any = None, critical: bool = False, key: Any = None) -> Signer:
    """Issue a certificate again with another signature algorithm or key, or with Intel's extension critical."""
    assert signer.issuer is not None
    builder = x509.CertificateBuilder(
        signer.issuer.certificate.subject,
        signer.certificate.subject,
        key or signer.certificate.public_key(),
        signer.certificate.serial_number,
        signer.certificate.not_valid_before_utc,
        signer.certificate.not_valid_after_utc,
    )
    for extension in signer.certificate.extensions:
        is_own = isinstance(extension.value, x509.UnrecognizedExtension)
        builder = builder.add_extension(extension.value, critical=extension.critical or (critical and is_own))
    certificate = builder.sign(signer.issuer.key, algorithm or SHA256(), ecdsa_deterministic=True)
    return Signer(certificate, signer.key, signer.issuer)


def _crls() -> Iterator[Case]:
    now, day = ISSUED_AT, timedelta(days=1)
    other = OTHER_PLATFORM.collateral(now)
    empty_root = build_crl(PKI.root, issued_at=now, next_update=now + day)
    pck_crls = {
        "crl_malformed: PCK CRL missing": (b"", "crl_malformed"),
        "crl_malformed: PCK CRL truncated": (COLLATERAL.pck_crl[:-1], "crl_malformed"),
        "crl_malformed: critical extension": (_critical_crl(PKI.pck_ca), "crl_malformed"),
        "crl_signature: another CA's PCK CRL": (other.pck_crl, "crl_signature"),
        "crl_signature: the root's CRL as PCK CRL": (empty_root, "crl_signature"),
        "crl_validity: PCK CRL too old": (
            build_crl(PKI.pck_ca, issued_at=now - 2 * day, next_update=now - day),
            "crl_validity",
        ),
        "crl_validity: PCK CRL from the future": (
            build_crl(PKI.pck_ca, issued_at=now + day, next_update=now + 2 * day),
            "crl_validity",
        ),
        "certificate_revoked: PCK": (PLATFORM.collateral(now, revoked={"pck"}).pck_crl, "certificate_revoked"),
    }
    for name, (crl, code) in pck_crls.items():
        yield Case(name=name, scene=with_collateral(pck_crl=crl), fails={"quote.chain": code})
    # Whether the signer of Intel's lists was revoked cannot be known without the root's CRL.
    root_crls = {
        "crl_malformed: root CRL missing": (b"", "crl_malformed"),
        "crl_signature: another root's CRL": (other.root_ca_crl, "crl_signature"),
        "crl_signature: PCK CRL as root CRL": (COLLATERAL.pck_crl, "crl_signature"),
    }
    for name, (crl, code) in root_crls.items():
        yield Case(
            name=name,
            scene=with_collateral(root_ca_crl=crl),
            fails={"quote.chain": code},
            unknown=("quote.collateral",),
        )
    yield Case(
        name="crl_validity: root CRL too old",
        scene=with_collateral(root_ca_crl=build_crl(PKI.root, issued_at=now - 2 * day, next_update=now - day)),
        fails={"quote.chain": "crl_validity"},
    )
    yield Case(
        name="certificate_revoked: PCK CA",
        scene=Scene(collateral=PLATFORM.collateral(now, revoked={"pck_ca"})),
        fails={"quote.chain": "certificate_revoked"},
    )
    yield Case(
        name="chain_role: the CRL's issuer is a TCB signer",
        scene=with_collateral(pck_crl_issuer_chain=COLLATERAL.tcb_info_issuer_chain),
        fails={"quote.chain": "chain_role"},
    )
    yield Case(
        name="chain_malformed: no CRL issuer chain",
        scene=with_collateral(pck_crl_issuer_chain=""),
        fails={"quote.chain": "chain_malformed"},
    )


def _critical_crl(signer: Signer) -> bytes:
    """A CRL that says it is about CAs only (RFC 5280 §5.2.5), which would leave the PCK out."""
    point = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(ISSUED_AT)
        .next_update(ISSUED_AT + timedelta(days=30))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(point, critical=True)
    )
    return builder.sign(signer.key, SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def signed_texts(*, tcb_info: str | None = None, qe_identity: str | None = None) -> Scene:
    """Return a scene with other texts, signed by the right certificate."""
    signer, changes = PKI.tcb_signing, {}
    for name, text in (("tcb_info", tcb_info), ("qe_identity", qe_identity)):
        if text is not None:
            changes.update({name: text, f"{name}_signature": signer.sign(text.encode())})
    return with_collateral(**changes)


def _collateral_form() -> Iterator[Case]:
    tcb_info, qe_identity = COLLATERAL.tcb_info, COLLATERAL.qe_identity
    texts = {
        "collateral_malformed: not JSON": ({"tcb_info": tcb_info[:-1]}, "collateral_malformed"),
        "collateral_malformed: a member twice": (
            {"tcb_info": tcb_info.replace("{", '{"version":3,', 1)},
            "collateral_malformed",
        ),
        "collateral_malformed: no FMSPC": ({"tcb_info": tcb_info.replace('"fmspc"', '"x"')}, "collateral_malformed"),
        "collateral_malformed: unknown status": (
            {"tcb_info": tcb_info.replace("UpToDate", "Fine")},
            "collateral_malformed",
        ),
        "collateral_malformed: a time of another form": (
            {"tcb_info": tcb_info.replace("Z", "+00:00", 1)},
            "collateral_malformed",
        ),
        "collateral_malformed: no TDX module": (
            {"tcb_info": tcb_info.replace('"tdxModule"', '"x"')},
            "collateral_malformed",
        ),
        "collateral_kind: SGX": ({"tcb_info": tcb_info.replace('"TDX"', '"SGX"')}, "collateral_kind"),
        "collateral_kind: version 2": ({"tcb_info": tcb_info.replace('"version":3', '"version":2')}, "collateral_kind"),
        "collateral_kind: TCB type 1": (
            {"tcb_info": tcb_info.replace('"tcbType":0', '"tcbType":1')},
            "collateral_kind",
        ),
        "collateral_kind: the QE identity as TCB info": ({"tcb_info": qe_identity}, "collateral_kind"),
    }
    for name, (changes, code) in texts.items():
        yield Case(
            name=name,
            scene=signed_texts(**changes),
            fails={"quote.collateral": code},
            unknown=("tcb.status",),
            tcb_status=None,
        )
    qe_texts = {
        "collateral_malformed: no MRSIGNER": (qe_identity.replace('"mrsigner"', '"x"'), "collateral_malformed"),
        "collateral_kind: the identity of an SGX QE": (qe_identity.replace('"TD_QE"', '"QE"'), "collateral_kind"),
        "collateral_kind: version 1 of QE identity": (
            qe_identity.replace('"version":2', '"version":1'),
            "collateral_kind",
        ),
    }
    for name, (text, code) in qe_texts.items():
        yield Case(
            name=name,
            scene=signed_texts(qe_identity=text),
            fails={"quote.collateral": code},
            unknown=("quote.qe", "tcb.status"),
            tcb_status=None,
        )


def _collateral_signers() -> Iterator[Case]:
    tcb_info, qe_identity = PLATFORM.tcb_info(ISSUED_AT), PLATFORM.qe_identity(ISSUED_AT)

    def signed(**signers: Signer) -> Scene:
        collateral = build_collateral(PKI, issued_at=ISSUED_AT, tcb_info=tcb_info, qe_identity=qe_identity, **signers)
        return Scene(collateral=collateral)

    short = issue_tcb_signing(PKI.root, CREATED_AT, seed=SEED, lifetime=timedelta(days=1))
    # A PCK under the root itself, as somebody would want who holds a platform's key and found a careless verifier.
    flat_pck = issue(PKI.root, "SGX PCK Certificate", CREATED_AT, seed=SEED, lifetime=YEAR)
    ca_signer = issue(PKI.root, "SGX TCB Signing", CREATED_AT, seed=SEED, lifetime=YEAR, ca_path_length=0)
    signers = {
        "a PCK certificate": PKI.pck,
        "a PCK certificate right under the root": flat_pck,
        "the PCK CA": PKI.pck_ca,
        "the root": Signer(PKI.root.certificate, PKI.root.key, PKI.root),
        "an expired TCB signer": short,
        "a TCB signer that is a CA": ca_signer,
        "another root's TCB signer": OTHER_PLATFORM.pki.tcb_signing,
    }
    for name, signer in signers.items():
        chain = (
            _Text(signer.certificate, signer.key, signer.issuer, text=_two(signer)) if name == "the root" else signer
        )
        for what in ("tcb_info_signer", "qe_identity_signer"):
            yield Case(
                name=f"collateral_signer: {what} is {name}",
                scene=signed(**{what: chain}),
                fails={"quote.collateral": "collateral_signer"},
            )
    yield Case(
        name="collateral_signer: revoked",
        scene=Scene(collateral=PLATFORM.collateral(ISSUED_AT, revoked={"tcb_signing"})),
        fails={"quote.collateral": "collateral_signer"},
    )
    yield Case(
        name="collateral_signer: no chain",
        scene=with_collateral(qe_identity_issuer_chain=""),
        fails={"quote.collateral": "collateral_signer"},
    )


def _two(root: Signer) -> str:
    return 2 * root.certificate.public_bytes(Encoding.PEM).decode()


def _collateral_content() -> Iterator[Case]:
    hour, month = timedelta(hours=1), timedelta(days=30)
    tcb_info, qe_identity = PLATFORM.tcb_info(ISSUED_AT), PLATFORM.qe_identity(ISSUED_AT)
    old, future = {"issued_at": NOW - month, "next_update": NOW - hour}, {"issued_at": NOW + hour}

    def published(info: TcbInfo = tcb_info, identity: QeIdentity = qe_identity) -> Scene:
        return Scene(collateral=PLATFORM.collateral(ISSUED_AT, tcb_info=info, qe_identity=identity))

    spoiled = {
        "collateral_signature: a space more": with_collateral(tcb_info=COLLATERAL.tcb_info + " "),
        "collateral_signature: signatures swapped": with_collateral(
            tcb_info_signature=COLLATERAL.qe_identity_signature, qe_identity_signature=COLLATERAL.tcb_info_signature
        ),
        "collateral_signature: too short": with_collateral(qe_identity_signature=COLLATERAL.qe_identity_signature[:-1]),
        "collateral_signature: none": with_collateral(tcb_info_signature=b""),
        "collateral_validity: TCB info too old": published(info=replace(tcb_info, **old)),
        "collateral_validity: TCB info from the future": published(info=replace(tcb_info, **future)),
        "collateral_validity: QE identity too old": published(identity=replace(qe_identity, **old)),
        "collateral_validity: QE identity from the future": published(identity=replace(qe_identity, **future)),
        "fmspc_mismatch: another model": published(info=replace(tcb_info, fmspc=bytes(6))),
        "pceid_mismatch: another PCE": published(info=replace(tcb_info, pce_id=b"\x01\x00")),
        "evaluation_number_low: TCB info": published(info=replace(tcb_info, evaluation_number=16)),
        "evaluation_number_low: QE identity": published(identity=replace(qe_identity, evaluation_number=16)),
    }
    for name, scene in spoiled.items():
        yield Case(name=name, scene=scene, fails={"quote.collateral": name.partition(":")[0]})


def _enclave() -> Iterator[Case]:
    other_key = OTHER_PLATFORM.pki.pck.key
    impostor = Signer(PKI.pck.certificate, other_key, PKI.pck.issuer)
    yield Case(name="qe_signature: another key", scene=with_pck(impostor), fails={"quote.qe": "qe_signature"})
    yield Case(
        name="qe_binding: other authentication data",
        scene=spoil_quote(Scene(), put(AUTHENTICATION_DATA, b"\xff")),
        fails={"quote.qe": "qe_binding"},
    )
    yield Case(
        name="qe_binding: something behind the hash",
        scene=spoil_quote(Scene(), lambda quote: resign_qe_report(put(QE_REPORT + 383, b"\x01")(quote))),
        fails={"quote.qe": "qe_binding"},
    )
    identities: dict[str, dict[str, Any]] = {
        "MRSIGNER": {"mr_signer": bytes(32)},
        "ISVPRODID": {"isv_prod_id": 1},
        "MISCSELECT": {"misc_select": b"\x01\x00\x00\x00"},
        "ATTRIBUTES": {"attributes": bytes.fromhex("1500000000000080e700000000000000")},
        "ATTRIBUTES, debug": {"attributes": bytes.fromhex("1700000000000000e700000000000000")},
    }
    for name, changes in identities.items():
        yield Case(name=f"qe_identity: {name}", scene=with_enclave(**changes), fails={"quote.qe": "qe_identity"})
    debug = bytes.fromhex("1300000000000000e700000000000000")
    identity = replace(PLATFORM.qe_identity(ISSUED_AT), attributes=bytes.fromhex("13" + 15 * "00"))
    yield Case(
        name="qe_debug: even where the identity would have it so",
        scene=Scene(
            enclave=replace(PLATFORM.enclave, attributes=debug),
            collateral=PLATFORM.collateral(ISSUED_AT, qe_identity=identity),
        ),
        fails={"quote.qe": "qe_debug"},
    )
    yield Case(
        name="quote_signature: another key signed",
        scene=spoil_quote(Scene(), lambda quote: put(SIGNATURE, sign_raw(other_key, quote[:632]))(quote)),
        fails={"quote.signature": "quote_signature"},
    )
    yield Case(
        name="quote_signature: a key that is no point of the curve",
        scene=spoil_quote(Scene(), lambda quote: bind_key(quote, b"\x01" * 64)),
        fails={"quote.signature": "quote_signature"},
    )
