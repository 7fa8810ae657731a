"""Evidence that deserves to be affirmed, and evidence of which not everything can be checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

from attestation.encoding import b64decode, b64encode
from attestation.policy import NO_CONVERSATION
from attestation.simulator.boot import measure as measure_label
from attestation.simulator.platform import Platform
from attestation.simulator.quotes import BODY_TDX_1_0, BODY_TDX_1_5, BODY_TDX_1_5_EX
from attestation.simulator.td_report import SEPT_VE_DISABLE, Td, build_attributes
from tests.cases.case import NEEDS_STATEMENT, Case
from tests.cases.scene import CREATED_AT, EXPECTATION, ISSUED_AT, LOG_ORIGIN, NOW, TOKEN_AUDIENCE, Scene, measure

SERVICE_TD = measure_label("service TD")
PERFMON = 1 << 63
PROCESSOR = Platform.create(CREATED_AT, seed=b"tests/cases, Processor CA", ca="Processor")
TD = Td(report_data=bytes(64))
LOG_ROOT = hashlib.sha256(b"log").digest()
LOG_VIEW = {"origin": LOG_ORIGIN, "size": 7, "root": b64encode(LOG_ROOT)}


def cases() -> Iterator[Case]:
    yield from _affirmed()
    yield from _partly_known()


def _affirmed() -> Iterator[Case]:
    good = Scene()
    yield Case(name="good: v4", scene=good)
    for body_type in (BODY_TDX_1_0, BODY_TDX_1_5, BODY_TDX_1_5_EX):
        yield Case(name=f"good: v5, body type {body_type}", scene=Scene(version=5, body_type=body_type))
    yield Case(name="good: zeros behind the quote", scene=_padded(good))
    yield Case(name="good: PCK from the Processor CA", scene=_on(PROCESSOR))
    yield Case(name="good: X25519 was offered first", scene=Scene(suite="X25519", expectation={"suites": ["X25519"]}))
    yield Case(
        name="good: allow-listed service TD",
        scene=Scene(version=5, td={"mr_service_td": SERVICE_TD}, policy={"service_tds": [SERVICE_TD.hex()]}),
    )
    yield Case(
        name="good: performance counters are harmless",
        scene=Scene(td={"td_attributes": build_attributes(SEPT_VE_DISABLE, PERFMON)}),
    )
    yield Case(name="good: statement in another order and with spaces", scene=good_with_spaces())
    yield Case(
        name="good: one of several measurements",
        scene=Scene(release={"measurements": [measure(Td(report_data=bytes(64), rtmr0=bytes(48))), measure(TD)]}),
    )
    log = {"log_size": 7, "log_root": LOG_ROOT}
    yield Case(name="good: the same log as before", scene=Scene(statement=log, expectation={"log_view": LOG_VIEW}))
    yield Case(
        name="good: another log than before",
        scene=Scene(
            statement=log, expectation={"log_view": {**LOG_VIEW, "origin": "elsewhere.example/log", "size": 9}}
        ),
    )
    yield Case(
        name="good: a log that has grown is judged at session.ready",
        scene=Scene(statement={**log, "log_size": 8}, expectation={"log_view": LOG_VIEW}),
        left_out=("binding.log",),
    )
    yield Case(name="good: no token issuer pinned", scene=Scene(trust={"tokens": []}), left_out=("verdict.token",))
    yield Case(
        name="good: at the last second of the clock's tolerance",
        scene=Scene(
            spoiled={"now": int(NOW.timestamp()) - 5 + 600 + 120, "expectation.elapsed_s": 600},
            claims={"exp": int(NOW.timestamp()) + 600},
        ),
    )
    yield Case(
        name="good: the question named no conversation",
        scene=Scene(statement={"conversation": None}, expectation={"conversation": NO_CONVERSATION}),
    )
    yield Case(name="good: the token is for several audiences", scene=Scene(claims={"aud": ["other", TOKEN_AUDIENCE]}))


def _partly_known() -> Iterator[Case]:
    names = {
        "nonce": "binding.nonce",
        "conversation": "binding.nonce",
        "origin": "binding.origin",
        "suites": "binding.key",
        "deployment_key": "binding.origin",
        "elapsed_s": "binding.fresh",
    }
    for name, check in names.items():
        yield Case(name=f"unknown: no {name}", scene=Scene(expectation={name: None}), unknown=(check,))
    yield Case(
        name="unknown: the model answers from elsewhere",
        scene=Scene(statement={"model_endpoint": "remote"}),
        unknown=("model.endpoint",),
    )
    nothing = {name: None for name in EXPECTATION if name != "loopback"}
    yield Case(
        name="unknown: nothing is expected",
        scene=Scene(expectation=nothing),
        unknown=("binding.nonce", "binding.key", "binding.origin", "binding.fresh"),
    )
    yield Case(
        name="unknown: the statement cannot be read",
        scene=Scene(spoiled={"evidence.statement": b64encode(b"{}")}),
        fails={"binding.report_data": "report_data_differs"},
        unknown=NEEDS_STATEMENT,
    )


def good_with_spaces() -> Scene:
    """A statement whose bytes no serialiser of ours would make; it is the bytes that count."""
    return Scene(reserialise=lambda data: json.dumps(dict(reversed(json.loads(data).items())), indent=1).encode())


def _padded(scene: Scene) -> Scene:
    quote = b64decode(scene.build()["evidence"]["quote"])
    return replace(scene, spoiled={"evidence.quote": b64encode(quote + bytes(3000))})


def _on(platform: Platform) -> Scene:
    return Scene(
        platform=platform,
        enclave=platform.enclave,
        pck=platform.pki.pck,
        collateral=platform.collateral(ISSUED_AT),
        trust={"simulator_root_sha256": hashlib.sha256(platform.root_der).hexdigest()},
    )
