"""Ten forgeries by servers that say `affirming` of themselves, and the check that each of them fails first.

docs/PROTOCOL.md, section 10, is this table in words; both verifiers and the command line are held to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from attestation.encoding import b64decode, b64encode
from attestation.simulator.td_report import DEBUG, SEPT_VE_DISABLE, build_attributes
from attestation.statement import deployment_message
from tests.cases.case import Case
from tests.cases.scene import ISSUED_AT, NOW, OTHER_KEY, PLATFORM, Scene

SIGNATURE = slice(636, 700)  # behind header, body and the length of what follows (quote version 4)
OTHER_NONCE = hashlib.sha256(b"somebody else's question").digest()
OTHER_CONVERSATION = "7a0c3a86-7b36-4c8e-8f2d-3d3f7d1f9a11"
HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """`make` turns an honest answer into the forged one; `fails` are ids and codes, the first one first."""

    make: Callable[[Scene], Scene]
    fails: Mapping[str, str]
    tcb_status: str = "UpToDate"


def cases() -> Iterator[Case]:
    for name, forgery in FORGERIES.items():
        yield Case(
            name=f"forgery: {name}",
            scene=forgery.make(Scene()),
            fails=forgery.fails,
            tcb_status=forgery.tcb_status,
        )


def _stating(scene: Scene, **members: Any) -> Scene:
    return replace(scene, statement={**scene.statement, **members})


def _forged_signature(scene: Scene) -> Scene:
    quote = bytearray(b64decode(scene.build()["evidence"]["quote"]))
    quote[SIGNATURE] = bytes(reversed(quote[SIGNATURE]))
    return replace(scene, spoiled={"evidence.quote": b64encode(bytes(quote))})


def _replayed(scene: Scene) -> Scene:
    earlier = _stating(scene, nonce=OTHER_NONCE).build()
    return replace(scene, spoiled={"evidence": earlier["evidence"], "token": earlier["token"]})


def _other_deployment(scene: Scene) -> Scene:
    statement = b64decode(scene.build()["evidence"]["statement"])
    return replace(scene, spoiled={"evidence.deployment_sig": b64encode(OTHER_KEY.sign(deployment_message(statement)))})


def _stale(scene: Scene) -> Scene:
    issued_at = int(NOW.timestamp()) - HOUR_S
    return _stating(scene, issued_at=issued_at, expires_at=issued_at + 600)


def _outdated(scene: Scene) -> Scene:
    lists = PLATFORM.tcb_info(ISSUED_AT, status="OutOfDate")
    return replace(scene, collateral=PLATFORM.collateral(ISSUED_AT, tcb_info=lists))


def _token_of_another_quote(scene: Scene) -> Scene:
    return replace(scene, spoiled={"token": _stating(scene, nonce=OTHER_NONCE).build()["token"]})


FORGERIES = {
    "forged signature": Forgery(make=_forged_signature, fails={"quote.signature": "quote_signature"}),
    "replayed": Forgery(make=_replayed, fails={"binding.nonce": "nonce_differs"}),
    "relayed from another machine": Forgery(
        make=lambda scene: _stating(scene, origin="https://genuine.example"), fails={"binding.origin": "origin_differs"}
    ),
    "other deployment": Forgery(make=_other_deployment, fails={"binding.origin": "deployment_signature"}),
    "stale": Forgery(make=_stale, fails={"binding.fresh": "expired"}),
    "debug": Forgery(
        make=lambda scene: replace(scene, td={"td_attributes": build_attributes(DEBUG, SEPT_VE_DISABLE)}),
        fails={"td.attributes": "td_debug"},
    ),
    "outdated": Forgery(make=_outdated, fails={"tcb.status": "tcb_refused"}, tcb_status="OutOfDate"),
    "wrong release": Forgery(
        make=lambda scene: replace(scene, td={"rtmr1": hashlib.sha384(b"another kernel").digest()}),
        fails={"td.measurements": "measurements_differ", "td.workload": "event_log_differs"},
    ),
    "wrong conversation": Forgery(
        make=lambda scene: _stating(scene, conversation=OTHER_CONVERSATION),
        fails={"binding.nonce": "conversation_differs"},
    ),
    "token of another quote": Forgery(make=_token_of_another_quote, fails={"verdict.token": "token_claims"}),
}
