"""Every single-field flip: one bit of every field of a quote, a statement and the collateral, after it was signed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.serialization import Encoding

from attestation.encoding import b64decode, b64encode
from attestation.simulator.pki import Signer
from attestation.simulator.tcb import OLD_MODULE_LEVEL
from tests.cases.case import NEEDS_QUOTE, Case
from tests.cases.hardware import PCK_CHAIN, put, spoil_quote, with_collateral
from tests.cases.scene import COLLATERAL, NOW, PLATFORM, Scene, apply

Fails = Mapping[str, str] | str

SIGNED = {"quote.signature": "quote_signature"}
MEASURED = {**SIGNED, "td.measurements": "measurements_differ"}
# What cannot be checked any more after one member of the statement was changed.
UNCHECKED = {
    "model.name": ("td.workload",),
    "release.digest": ("td.workload",),
    "config.model_endpoint": ("model.endpoint",),
}
CLAIMED = {**MEASURED, "verdict.token": "token_claims"}
EXTENDED = {**CLAIMED, "td.workload": "event_log_differs"}
ENCLAVE = {"quote.qe": "qe_signature"}

# Offset in the header, and what one flipped bit there must break; a text is the code of `quote.parse`.
HEADER: dict[str, tuple[int, Fails]] = {
    "version": (0, "quote_body"),  # 4 becomes 5, whose descriptor is not there
    "attestation key type": (2, "quote_key_type"),
    "TEE type": (4, "quote_tee_type"),
    "reserved, QE SVN": (8, SIGNED),
    "reserved, PCE SVN": (10, SIGNED),
    "QE vendor": (12, "quote_vendor"),
    "user data": (28, SIGNED),
}
# Offset in the TD report (Intel TDX DCAP Quoting Library API, appendix A.3).
BODY: dict[str, tuple[int, Mapping[str, str]]] = {
    "TEE_TCB_SVN, module": (0, {**SIGNED, "tcb.status": "tcb_refused"}),
    "TEE_TCB_SVN, late microcode": (2, {**SIGNED, "tcb.status": "tcb_refused"}),
    "TEE_TCB_SVN, last component": (15, SIGNED),
    "MRSEAM": (16, MEASURED),
    "MRSIGNERSEAM": (64, {**SIGNED, "td.attributes": "seam_signer", "tcb.status": "tcb_module"}),
    "SEAMATTRIBUTES": (112, {**SIGNED, "td.attributes": "seam_attributes", "tcb.status": "tcb_module"}),
    "TDATTRIBUTES": (120, {**SIGNED, "td.attributes": "td_debug"}),
    "XFAM": (128, MEASURED),
    "MRTD": (136, CLAIMED),
    "MRCONFIGID": (184, MEASURED),
    "MROWNER": (232, MEASURED),
    "MROWNERCONFIG": (280, MEASURED),
    "RTMR0": (328, EXTENDED),
    "RTMR1": (376, EXTENDED),
    "RTMR2": (424, EXTENDED),
    "RTMR3": (472, EXTENDED),
    "REPORTDATA": (520, {**SIGNED, "binding.report_data": "report_data_differs", "verdict.token": "token_claims"}),
    "TEE_TCB_SVN2": (584, SIGNED),
    "MRSERVICETD": (600, {**SIGNED, "td.attributes": "service_td"}),
    "VMID": (648, SIGNED),
    "current service TD": (829, SIGNED),
}
# Offset in the signature data (appendix A.4).
SIGNATURE_DATA: dict[str, tuple[int, Fails]] = {
    "signature, r": (0, SIGNED),
    "signature, s": (63, SIGNED),
    "attestation key, x": (64, {**SIGNED, "quote.qe": "qe_binding"}),
    "attestation key, y": (127, {**SIGNED, "quote.qe": "qe_binding"}),
    "certification type": (128, "quote_certification"),
    "certification size": (130, "quote_certification"),
    "QE CPUSVN": (134, ENCLAVE),
    "QE MISCSELECT": (150, ENCLAVE),
    "QE ATTRIBUTES": (182, ENCLAVE),
    "QE MRENCLAVE": (198, ENCLAVE),
    "QE MRSIGNER": (262, ENCLAVE),
    "QE ISVPRODID": (390, ENCLAVE),
    "QE ISVSVN": (392, ENCLAVE),
    "QE report data": (454, ENCLAVE),
    "QE report data, second half": (486, ENCLAVE),
    "QE report signature": (518, ENCLAVE),
    "authentication data size": (582, "quote_certification"),
    "authentication data": (584, {"quote.qe": "qe_binding"}),
    "PCK chain type": (616, "quote_certification"),
    "PCK chain size": (618, "quote_certification"),
}
RELAUNCHED = "TEE_TCB_SVN, module"


def cases() -> Iterator[Case]:
    yield from _quotes()
    yield from _certificates()
    yield from _statements()
    yield from _collateral()
    yield from _rest()


def _quotes() -> Iterator[Case]:
    layouts = (("v4", Scene(), 48, 584), ("v5ex", Scene(version=5, body_type=4), 54, 885))
    for name, scene, body, size in layouts:
        offsets = {field: (body + offset, fails) for field, (offset, fails) in BODY.items() if offset < size}
        data = {field: (body + size + 4 + offset, fails) for field, (offset, fails) in SIGNATURE_DATA.items()}
        # What version 5 looks like when it is read as version 4 depends on the bytes.
        version = {"version": (0, "*")} if name == "v5ex" else {}
        for field, (offset, fails) in {**HEADER, **version, **offsets, **data}.items():
            # Where the quote tells that the module in place is a newer one, the TD need only be started again.
            outdated = "TDRelaunchAdvised" if (name, field) == ("v5ex", RELAUNCHED) else "OutOfDate"
            yield _flipped(f"flip: {name} {field}", scene, offset, fails, outdated=outdated)
    v4, v5 = layouts[0][1], layouts[1][1]
    yield _flipped("flip: v5ex body type", v5, 48, "quote_body")
    yield _flipped("flip: v5ex body size", v5, 50, "quote_body")
    # One more than there is, or one fewer than the certification data says.
    yield _flipped("flip: v4 signature data size", v4, 632, "*")


def _flipped(name: str, scene: Scene, offset: int, fails: Fails, *, outdated: str = "OutOfDate") -> Case:
    flipped = spoil_quote(scene, lambda quote: put(offset, bytes([quote[offset] ^ 1]))(quote))
    if isinstance(fails, str):
        return Case(name=name, scene=flipped, fails={"quote.parse": fails}, unknown=NEEDS_QUOTE, tcb_status=None)
    code = fails.get("tcb.status")
    status = {None: "UpToDate", "tcb_refused": outdated, "tcb_module": None}[code]
    # An older module and an older microcode are open to the same advisory.
    advisories = OLD_MODULE_LEVEL.advisories if code == "tcb_refused" else ()
    return Case(name=name, scene=flipped, fails=fails, tcb_status=status, advisories=advisories)


def _certificates() -> Iterator[Case]:
    """The last bit of each certificate in the quote: the first two are signed, the third is pinned."""
    names = {"PCK": "chain_signature", "PCK CA": "chain_signature", "root": "chain_root"}
    for index, (name, code) in enumerate(names.items()):
        pems = _damaged_chain(PLATFORM.pki.pck, index).encode()
        scene = spoil_quote(Scene(), put(PCK_CHAIN + 6, pems))
        yield Case(name=f"flip: {name} certificate in the quote", scene=scene, fails={"quote.chain": code})


def _damaged_chain(signer: Signer, index: int) -> str:
    """Return a chain as PEM with the last bit of one certificate's signature flipped."""
    ders = [certificate.public_bytes(Encoding.DER) for certificate in signer.chain()]
    ders[index] = ders[index][:-1] + bytes([ders[index][-1] ^ 1])
    return "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)


def _statements() -> Iterator[Case]:
    """One member of the statement; the hash and the operator's signature notice each."""
    other = 32 * "0"
    members: dict[str, tuple[object, Mapping[str, str]]] = {
        "nonce": (b64encode(bytes(32)), {"binding.nonce": "nonce_differs"}),
        "conversation": (None, {"binding.nonce": "conversation_differs"}),
        "origin": ("http://127.0.0.1:8001", {"binding.origin": "origin_differs"}),
        "issued_at": (int(NOW.timestamp()) - 4, {}),
        "expires_at": (int(NOW.timestamp()) + 596, {"binding.fresh": "lifetime_too_long"}),
        "instance": (other, {}),
        "kem.suite": ("X25519", {"binding.key": "key_size"}),
        "kem.key_sha256": (2 * other, {"binding.key": "key_differs"}),
        "model.name": ("smollm2:136m", {"td.measurements": "model_differs"}),
        "model.digest": (
            f"sha256:{2 * other}",
            {"td.measurements": "model_differs", "td.workload": "model_differs"},
        ),
        "model.backend": ("ollama/0.12.3", {}),
        "release.version": ("0.1.1", {"td.measurements": "release_unknown"}),
        "release.digest": (f"sha256:{2 * other}", {"td.measurements": "release_unknown"}),
        "config.policy": ("warn", {}),
        "config.model_endpoint": ("elsewhere", {}),
        "config.development": (False, {}),
        "log.origin": ("chat.example/attestation-log", {}),
        "log.size": (1, {}),
        "log.root": (b64encode(bytes(32)), {"binding.log": "log_differs"}),
    }
    noticed = {"binding.report_data": "report_data_differs", "binding.origin": "deployment_signature"}
    statement = json.loads(b64decode(Scene().build()["evidence"]["statement"]))
    for name, (value, fails) in members.items():
        data = json.dumps(apply(statement, {name: value})).encode()
        yield Case(
            name=f"flip: statement {name}",
            scene=Scene(spoiled={"evidence.statement": b64encode(data)}),
            fails={**noticed, **fails},
            unknown=UNCHECKED.get(name, ()),
        )


def _collateral() -> Iterator[Case]:
    tcb_signing, pck_ca = PLATFORM.pki.tcb_signing, PLATFORM.pki.pck_ca
    number, other_number = '"tcbEvaluationDataNumber":20', '"tcbEvaluationDataNumber":21'
    lists = {
        "TCB info": {"tcb_info": COLLATERAL.tcb_info.replace(number, other_number)},
        "TCB info's signature": {"tcb_info_signature": _flip_last(COLLATERAL.tcb_info_signature)},
        "QE identity": {"qe_identity": COLLATERAL.qe_identity.replace(number, other_number)},
        "QE identity's signature": {"qe_identity_signature": _flip_last(COLLATERAL.qe_identity_signature)},
    }
    chains = {
        f"{name}, certificate {index}": {name: _damaged_chain(tcb_signing, index)}
        for name in ("tcb_info_issuer_chain", "qe_identity_issuer_chain")
        for index in (0, 1)
    }
    for changes, code in ((lists, "collateral_signature"), (chains, "collateral_signer")):
        for name, change in changes.items():
            yield Case(name=f"flip: {name}", scene=with_collateral(**change), fails={"quote.collateral": code})
    for index, code in enumerate(("chain_signature", "chain_root")):
        scene = with_collateral(pck_crl_issuer_chain=_damaged_chain(pck_ca, index))
        yield Case(name=f"flip: pck_crl_issuer_chain, {index}", scene=scene, fails={"quote.chain": code})
    yield Case(
        name="flip: PCK CRL",
        scene=with_collateral(pck_crl=_flip_last(COLLATERAL.pck_crl)),
        fails={"quote.chain": "crl_signature"},
    )
    yield Case(
        name="flip: root CRL",
        scene=with_collateral(root_ca_crl=_flip_last(COLLATERAL.root_ca_crl)),
        fails={"quote.chain": "crl_signature"},
        unknown=("quote.collateral",),
    )


def _rest() -> Iterator[Case]:
    evidence, token = Scene().build()["evidence"], Scene().build()["token"]
    refused = {"quote.chain": "simulator_refused", "quote.collateral": "collateral_signer"}
    members: dict[str, Mapping[str, str]] = {
        "kem_key": {"binding.key": "key_differs"},
        "deployment_sig": {"binding.origin": "deployment_signature"},
        "simulator_root": refused,
    }
    for name, fails in members.items():
        value = b64encode(_flip_last(b64decode(evidence[name])))
        yield Case(name=f"flip: {name}", scene=Scene(spoiled={f"evidence.{name}": value}), fails=fails)
    head, claims, signature = token.split(".")
    flipped = b64encode(_flip_last(b64decode(signature)))
    yield Case(
        name="flip: the token's signature",
        scene=Scene(spoiled={"token": f"{head}.{claims}.{flipped}"}),
        fails={"verdict.token": "token_signature"},
    )


def _flip_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])
