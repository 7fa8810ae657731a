"""The page and the server speak the same channel: real Node runs static/js/crypto against attestation.channel."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from attestation.channel import SUITES, SealedChannel, generate_kem_key, open_opening
from attestation.encoding import b64decode, b64encode
from confchat.frames import parse_opening, to_json

ROOT = Path(__file__).parents[2]
STATEMENT = '{"v":"confchat/1","é":1}'.encode()
HISTORY_KEY = bytes(range(32))
MLKEM_KEY_SIZE = 1184


class Peer:
    """One Node process that holds the page's end."""

    def __init__(self, node: str) -> None:
        self.process = subprocess.Popen(
            [node, "tests/js/channel_peer.mjs"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    # `make test` links a Node of at least 20.19 here.
    node = shutil.which("node", path=str(ROOT / ".venv/node")) or shutil.which("node")
    if node is None or not (ROOT / "static/vendor/hpke.js").is_file():
        pytest.skip("no Node or no static/vendor: make run builds both")
    peer = Peer(node)
    with peer.process:
        yield peer


@pytest.mark.parametrize("suite", SUITES)
def test_a_session_opened_by_the_page_is_the_servers(peer: Peer, suite: str) -> None:
    key = generate_kem_key(suite)
    messages = [{"type": "chat.send", "id": n, "text": "é😀" * (1 + 700 * n)} for n in range(3)]
    opening = {
        "user": "an-account",
        "historyKey": b64encode(HISTORY_KEY),
        "enroll": True,
        "outcome": "affirming",
        "acceptRisk": False,
        "checkpoint": None,
    }
    opened = peer.ask(
        type="open",
        statement=b64encode(STATEMENT),
        kem_key=b64encode(key.public),
        suite=suite,
        opening=opening,
        messages=messages,
    )
    sealed = b64decode(opened["sealed"])
    parsed = parse_opening(open_opening(key, sealed=sealed, statement=STATEMENT))
    assert (parsed.user, parsed.history_key, parsed.outcome) == ("an-account", HISTORY_KEY, "affirming")
    assert (parsed.enroll, parsed.accept_risk, parsed.checkpoint) == (True, False, None)

    channel = SealedChannel(secret=parsed.secret, sealed=sealed, statement=STATEMENT)
    assert [json.loads(channel.open(b64decode(frame))) for frame in opened["frames"]] == messages
    frames = [channel.seal(to_json(message)) for message in messages]
    received = peer.ask(type="receive", frames=[b64encode(frame) for frame in frames])
    assert received["messages"] == messages


@pytest.mark.parametrize("suite", SUITES)
def test_what_python_seals_to_a_key_made_in_javascript_opens_there(peer: Peer, suite: str) -> None:
    raw = b64decode(peer.ask(type="key", suite=suite)["key"], size=SUITES[suite][1])
    public: x25519.X25519PublicKey | MLKEM768X25519PublicKey
    if suite == "X25519":
        kem, public = KEM.X25519, x25519.X25519PublicKey.from_public_bytes(raw)
    else:
        kem, public = (
            KEM.MLKEM768_X25519,
            MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(raw[:MLKEM_KEY_SIZE]),
                x25519.X25519PublicKey.from_public_bytes(raw[MLKEM_KEY_SIZE:]),
            ),
        )
    sealed = Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(b"words", public, info=b"info")
    answer = peer.ask(type="unseal", sealed=b64encode(sealed), info=b64encode(b"info"))
    assert b64decode(answer["plaintext"]) == b"words"
