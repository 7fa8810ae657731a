"""One case per rule of `quote.collateral`: form, signers, signatures, dates and what the lists are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from attestation.simulator.pki import Signer, issue, issue_tcb_signing
from attestation.simulator.platform import build_collateral
from attestation.simulator.tcb import QeIdentity, TcbInfo
from tests.cases.case import Case
from tests.cases.chains import TextSigner
from tests.cases.hardware import with_collateral
from tests.cases.scene import COLLATERAL, CREATED_AT, ISSUED_AT, NOW, OTHER_PLATFORM, PLATFORM, SEED, Scene

YEAR = timedelta(days=365)
PKI = PLATFORM.pki


def cases() -> Iterator[Case]:
    yield from _form()
    yield from _signers()
    yield from _content()


def signed_texts(*, tcb_info: str | None = None, qe_identity: str | None = None) -> Scene:
    """Return a scene with other texts, signed by the right certificate."""
    signer, changes = PKI.tcb_signing, {}
    for name, text in (("tcb_info", tcb_info), ("qe_identity", qe_identity)):
        if text is not None:
            changes.update({name: text, f"{name}_signature": signer.sign(text.encode())})
    return with_collateral(**changes)


def _form() -> Iterator[Case]:
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
        "collateral_malformed: a level without its date": (
            {"tcb_info": tcb_info.replace('"tcbDate"', '"x"', 1)},
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


def _signers() -> Iterator[Case]:
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
        "the root": TextSigner(PKI.root.certificate, PKI.root.key, None, text=2 * _to_pem(PKI.root)),
        "an expired TCB signer": short,
        "a TCB signer that is a CA": ca_signer,
        "another root's TCB signer": OTHER_PLATFORM.pki.tcb_signing,
    }
    for name, signer in signers.items():
        for what in ("tcb_info_signer", "qe_identity_signer"):
            yield Case(
                name=f"collateral_signer: {what} is {name}",
                scene=signed(**{what: signer}),
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


def _to_pem(signer: Signer) -> str:
    return signer.certificate.public_bytes(Encoding.PEM).decode()


def _content() -> Iterator[Case]:
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
