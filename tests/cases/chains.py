"""One case per rule of `quote.chain`: certificates, CRLs and what is revoked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from attestation.simulator.pck_extension import PckValues, build_pck_extension
from attestation.simulator.pki import Signer, build_crl, issue, issue_pck, issue_pck_ca
from tests.cases.case import Case
from tests.cases.hardware import with_collateral, with_pck
from tests.cases.scene import COLLATERAL, CREATED_AT, ISSUED_AT, NOW, OTHER_PLATFORM, PLATFORM, SEED, Scene

YEAR = timedelta(days=365)
PKI = PLATFORM.pki


def cases() -> Iterator[Case]:
    yield from _certificates()
    yield from _texts()
    yield from _crls()


def _certificates() -> Iterator[Case]:
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


def _texts() -> Iterator[Case]:
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
        pck = TextSigner(PKI.pck.certificate, PKI.pck.key, PKI.pck.issuer, text="".join(parts))
        yield Case(
            name=f"chain_malformed: {name}",
            scene=with_pck(pck),
            fails={"quote.chain": "chain_malformed"},
            unknown=("quote.collateral", "quote.qe", "tcb.status"),
            tcb_status=None,
        )


@dataclass(frozen=True)
class TextSigner(Signer):
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
