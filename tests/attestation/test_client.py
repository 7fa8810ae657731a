"""The client of programs: what it says to whom, and that it says nothing to anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attestation.client import AccessToken, NotAttestedError, connect, parse_history_key, read_access_token, trusting
from attestation.encoding import b64encode
from attestation.errors import AppraisalError, ConfigurationError, MalformedError, UnavailableError
from attestation.log.merkle import hash_leaves, prove_consistency
from attestation.offline import Anchors
from tests.attestation.log_scene import leaf_hashes
from tests.attestation.session_stand_in import StandIn, standing_in
from tests.cases.forgeries import FORGERIES
from tests.cases.python import read_policy, read_trust
from tests.cases.scene import DEPLOYMENT_KEY, NOW, OTHER_KEY, POLICY, RELEASE_KEY, TRUST

ACCOUNT = "3f0c9a34-5a83-4f10-9d2e-5f2f1f0a7c11"
TOKEN = AccessToken(ACCOUNT, bytes(range(32))).to_text()
LOG_KEY = DEPLOYMENT_KEY.public_key().public_bytes_raw()
PROMPT = "a prompt that nobody else may read"
ANSWER = "Red, orange, yellow."
# As static/js/models/recovery_code.js writes the key 00 01 02 … 1f.
RECOVERY_CODE = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFX-QGZ3"
SWAPPED = {"evidence.kem_key": b64encode(bytes(1216))}

LIES = {
    **{name: (forgery.make, next(iter(forgery.fails.values()))) for name, forgery in FORGERIES.items()},
    "wrong report data": (lambda scene: replace(scene, td={"report_data": bytes(64)}), "report_data_differs"),
    "key swapped": (lambda scene: replace(scene, spoiled=SWAPPED), "key_differs"),
}


def anchors(**changes: Any) -> Anchors:
    trust = read_trust(TRUST)
    known: dict[str, Any] = {
        "policy": read_policy(POLICY),
        "release_keys": [RELEASE_KEY.public_key().public_bytes_raw()],
        "log_key": LOG_KEY,
        "token_issuers": trust.token_issuers,
        "simulator_root_sha256": trust.simulator_root_sha256,
    }
    return trusting(**{**known, **changes})


async def ask(server: StandIn, *, text: str = PROMPT, **how: Any) -> str:
    """Open a session, ask, and return the answer."""
    given: dict[str, Any] = {"token": TOKEN, "anchors": anchors(), "clock": lambda: NOW, **how}
    async with connect(server.address, **given) as session:
        return "".join([piece.content async for piece in session.ask(text)])


async def test_a_machine_that_proves_itself_is_asked_and_answers() -> None:
    async with standing_in() as server:
        assert await ask(server) == ANSWER
        (sent,) = server.requests
        assert (sent["text"], sent["parent"]) == (PROMPT, None)
        (opening,) = server.openings
        assert (opening["user"], opening["history_key"], opening["accept_risk"]) == (ACCOUNT, None, False)
        assert all(
            PROMPT.encode() not in (frame if isinstance(frame, bytes) else frame.encode()) for frame in server.heard
        )


async def test_a_second_question_follows_the_first_answer() -> None:
    async with standing_in() as server:
        async with connect(server.address, token=TOKEN, anchors=anchors(), clock=lambda: NOW) as session:
            for _ in range(2):
                assert "".join([piece.content async for piece in session.ask(PROMPT)]) == ANSWER
            assert session.newest.usage == {"completion_tokens": 3}
        first, second = server.requests
        assert second["parent"] == server.replies[first["message"]]
        assert len(server.openings) == 1


@pytest.mark.parametrize("name", LIES)
async def test_a_server_that_lies_hears_its_question_and_nothing_else(name: str) -> None:
    forge, code = LIES[name]
    async with standing_in(forge=forge) as server:
        with pytest.raises(NotAttestedError) as refused:
            await ask(server, history_key=bytes(32))
        assert refused.value.code == code
        (question,) = server.heard
        assert set(json.loads(question)) == {"type", "nonce", "conversation", "suites"}


async def test_a_machine_that_its_own_server_does_not_affirm_hears_nothing() -> None:
    async with standing_in(claimed="warning") as server:
        with pytest.raises(NotAttestedError, match="does not affirm"):
            await ask(server)
        assert len(server.heard) == 1


async def test_a_machine_with_another_model_than_the_one_asked_for_hears_nothing() -> None:
    async with standing_in() as server:
        with pytest.raises(NotAttestedError, match="another model"):
            await ask(server, model="deepseek-r1:70b")
        assert len(server.heard) == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"statement_sha256": "00" * 32},
        {"user": "somebody else"},
        {"conversation": "another"},
        {"outcome": "warning"},
        {"record": "another"},
    ],
    ids=lambda lie: next(iter(lie)),
)
async def test_a_session_that_is_not_the_one_that_was_opened_hears_no_prompt(lie: dict[str, str]) -> None:
    async with standing_in(ready=lie) as server:
        with pytest.raises(AppraisalError) as refused:
            await ask(server)
        assert (refused.value.code, server.requests) == ("session_mismatch", [])


async def test_what_is_known_from_elsewhere_is_asked_for_before_anything_is_sent() -> None:
    async with standing_in() as server:
        with pytest.raises(ConfigurationError, match="operator"):
            await ask(server, anchors=anchors(log_key=None))
        with pytest.raises(NotAttestedError) as refused:
            await ask(server, anchors=anchors(release_keys=[]))
        assert refused.value.result.outcome != "affirming"
        with pytest.raises(ConfigurationError, match="history key"):
            await ask(server, conversation="3f0c9a34-5a83-4f10-9d2e-5f2f1f0a7c12")
        assert len(server.heard) == 1


async def test_a_token_goes_neither_without_tls_nor_after_a_redirect() -> None:
    with pytest.raises(ConfigurationError, match="without TLS"):
        async with connect("http://chat.example", token=TOKEN, anchors=anchors()):
            pass
    async with standing_in() as other, standing_in(redirect=f"{other.address}/ws/session/") as server:
        with pytest.raises(UnavailableError):
            await ask(server)
        assert server.headers[-1]["Authorization"] == f"Bearer {TOKEN}"
        assert other.headers == []


class TestState:
    """What is remembered from call to call, as browsers remember it."""

    async def test_an_operator_is_remembered_and_another_one_hears_nothing(self, tmp_path: Path) -> None:
        state = tmp_path / "sites.json"
        async with standing_in() as server:
            assert await ask(server, anchors=anchors(log_key=None), state=state) == ANSWER
            assert await ask(server, anchors=anchors(log_key=None), state=state) == ANSWER
            heard = len(server.heard)
            other = OTHER_KEY.public_key().public_bytes_raw()
            with pytest.raises(ConfigurationError, match="another operator's key"):
                await ask(server, anchors=anchors(log_key=other), state=state)
            assert len(server.heard) == heard
            server.forge = FORGERIES["other deployment"].make
            with pytest.raises(NotAttestedError):
                await ask(server, anchors=anchors(log_key=None), state=state)

    async def test_a_log_only_grows_and_proves_it(self, tmp_path: Path) -> None:
        state = tmp_path / "sites.json"
        async with standing_in(forge=at_size(3)) as server:
            await ask(server, state=state)
            server.forge, server.ready = at_size(5), {"consistency": proof(3, 5)}
            await ask(server, state=state)
            assert [opening["checkpoint"] and opening["checkpoint"]["size"] for opening in server.openings] == [None, 3]
            asked = len(server.requests)
            server.forge, server.ready = at_size(7), {"consistency": proof(3, 7)}
            with pytest.raises(AppraisalError) as refused:
                await ask(server, state=state)
            assert refused.value.code == "log_differs"
            server.forge = at_size(4)
            with pytest.raises(NotAttestedError) as refused:
                await ask(server, state=state)
            assert (refused.value.code, len(server.requests)) == ("log_differs", asked)

    async def test_a_file_that_cannot_be_read_is_not_forgotten(self, tmp_path: Path) -> None:
        state = tmp_path / "sites.json"
        state.write_text("{")
        async with standing_in() as server:
            with pytest.raises(ConfigurationError, match="seen before"):
                await ask(server, state=state)


class TestGoingOn:
    """A conversation outlives connections and proofs, and each new one is proved."""

    async def test_an_answer_is_read_on_after_a_loss(self) -> None:
        async with standing_in(loses=2) as server:
            assert await ask(server) == ANSWER
            sent, resumed = server.requests
            assert resumed["offsets"] == {"thinking": 0, "content": len("Red, orange, ")}
            assert (resumed["reply"], resumed["resume"]) == (server.replies[sent["message"]], "resume 1")
        questions = [json.loads(frame) for frame in server.heard if isinstance(frame, str)]
        nonces = [question["nonce"] for question in questions if question["type"] == "attest.request"]
        assert len(set(nonces)) == 2

    async def test_a_machine_that_lies_after_a_loss_is_not_asked_again(self) -> None:
        async with standing_in(loses=0) as server:
            given: dict[str, Any] = {"token": TOKEN, "anchors": anchors(), "clock": lambda: NOW}
            async with connect(server.address, **given) as session:
                server.forge = FORGERIES["debug"].make
                with pytest.raises(NotAttestedError):
                    _ = [piece async for piece in session.ask(PROMPT)]
            assert len(server.openings) == 1

    async def test_whoever_stops_reading_ends_the_answer(self) -> None:
        async with standing_in() as server:
            async with connect(server.address, token=TOKEN, anchors=anchors(), clock=lambda: NOW) as session:
                async for _piece in session.ask(PROMPT):
                    break
                assert "".join([piece.content async for piece in session.ask("another one")]) == ANSWER
            first, stopped, second = server.requests
            assert (stopped["type"], stopped["reply"]) == ("chat.stop", server.replies[first["message"]])
            assert second["parent"] == stopped["reply"]

    async def test_a_machine_proves_itself_anew_before_its_proof_ends(self) -> None:
        times = ticking(NOW)
        async with standing_in() as server:
            async with connect(
                server.address, token=TOKEN, anchors=anchors(token_issuers=[]), clock=lambda: next(times)
            ) as session:
                for _ in range(2):
                    assert [piece async for piece in session.ask(PROMPT)]
            assert [request["type"] for request in server.requests] == ["chat.send", "chat.resume", "chat.send"]
            assert len(server.openings) == 2


class TestSecrets:
    """What a person carries in files, never in arguments."""

    def test_a_file_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text(TOKEN + "\n")
        path.chmod(0o640)
        with pytest.raises(ConfigurationError, match="chmod 600"):
            read_access_token(path)
        path.chmod(0o600)
        assert read_access_token(path).account == ACCOUNT

    def test_a_recovery_code_is_the_key_that_the_page_shows(self) -> None:
        assert parse_history_key(RECOVERY_CODE) == bytes(range(32))
        assert parse_history_key(RECOVERY_CODE.lower().replace("-", " ").replace("0", "o")) == bytes(range(32))
        for wrong in (RECOVERY_CODE[:-1], RECOVERY_CODE[:-1] + "0", RECOVERY_CODE.replace("0", "!", 1), ""):
            with pytest.raises(MalformedError):
                parse_history_key(wrong)


def proof(old: int, new: int) -> list[str]:
    leaves = leaf_hashes(new)
    return [b64encode(item) for item in prove_consistency(old, new, lambda start, end: hash_leaves(leaves[start:end]))]


def at_size(size: int) -> Any:
    return lambda scene: replace(
        scene, statement={**scene.statement, "log_size": size, "log_root": hash_leaves(leaf_hashes(size))}
    )


def ticking(start: datetime) -> Iterator[datetime]:
    """Yield the time of the first handshake and question, then a time shortly before the proof ends."""
    for _ in range(3):
        yield start
    while True:
        yield start + timedelta(seconds=560)
