"""One case per rule of `quote.parse`, `quote.qe` and `quote.signature`, and of the anchor of `quote.chain`."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from attestation.encoding import b64decode, b64encode
from attestation.pki import INTEL_ROOT_CA
from attestation.simulator.pki import (
    Signer,
    sign_raw,
)
from tests.cases.case import NEEDS_QUOTE, Case
from tests.cases.scene import COLLATERAL, ISSUED_AT, OTHER_PLATFORM, PLATFORM, Scene

YEAR = timedelta(days=365)
PKI = PLATFORM.pki
# Offsets in a version 4 quote (Intel TDX DCAP Quoting Library API, appendix A).
SIGNATURE, ATTESTATION_KEY, CERTIFICATION = 636, 700, 764
QE_REPORT, QE_REPORT_SIGNATURE, AUTHENTICATION_DATA, PCK_CHAIN = 770, 1154, 1220, 1252
FOREIGN = {"quote.chain": "chain_root", "quote.collateral": "collateral_signer"}


def cases() -> Iterator[Case]:
    yield from _parse()
    yield from _anchor()
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
    root = "trust.simulator_root_sha256"
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
