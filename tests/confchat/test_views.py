"""What is outside the session: evidence for strangers, health, metrics."""

from __future__ import annotations

import os
import re
import time

import httpx
import pytest

from attestation.encoding import b64encode
from attestation.evidence import Evidence
from attestation.statement import parse_statement
from confchat.traps import find_traps
from tests.product import Server, running_server


def ask(server: Server, body: object, **headers: str) -> httpx.Response:
    return httpx.post(f"{server.address}/attestation/evidence", json=body, headers=headers, trust_env=False, timeout=30)


def test_a_stranger_gets_evidence_for_a_nonce_of_his_own(server: Server) -> None:
    nonce = os.urandom(32)
    answer = ask(server, {"nonce": b64encode(nonce)}).json()
    statement = parse_statement(Evidence.from_wire(answer["evidence"]).statement)
    assert statement.nonce == nonce
    assert statement.conversation is None
    assert statement.origin == server.address
    assert answer["verdict"]["record"] == answer["evidence"]["record"]


@pytest.mark.parametrize(
    "body", [{}, [], {"nonce": "AAAA"}, {"nonce": b64encode(bytes(32)), "more": 1}, {"nonce": "A" * 2000}]
)
def test_a_malformed_question_is_refused(server: Server, body: object) -> None:
    answer = ask(server, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_message")


def test_another_sites_page_cannot_ask_in_its_name(server: Server) -> None:
    answer = ask(server, {"nonce": b64encode(bytes(32))}, Origin="https://evil.example")
    assert answer.status_code == 400


def test_health_and_readiness_are_told(server: Server) -> None:
    assert httpx.get(f"{server.address}/healthz", trust_env=False).json() == {"status": "ok"}
    ready = httpx.get(f"{server.address}/readyz", trust_env=False)
    found = ready.json()
    collateral, traps = found.pop("collateral"), found.pop("machine")
    quotes = {"from": "simulator", "tried": ["configfs", "library", "qgs", "driver", "simulator"]}
    assert (ready.status_code, found) == (200, {"ready": True, "faults": {}, "warnings": {}, "quotes": quotes})
    assert traps == [trap.code for trap in find_traps()]
    assert collateral["age_s"] < 60
    assert collateral["expires_at"] > time.time()


def test_metrics_need_their_token_and_strangers_have_a_small_budget(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {"CONFCHAT_METRICS_TOKEN": "figures", "CONFCHAT_EVIDENCE_PER_ADDRESS": "2"}
    with running_server(tmp_path_factory.mktemp("metrics") / "data", **settings) as own:
        url = f"{own.address}/metrics"
        assert httpx.get(url, trust_env=False).status_code == 404
        answers = [ask(own, {"nonce": b64encode(bytes(32))}).status_code for _ in range(3)]
        assert sorted(answers) == [200, 200, 429]
        figures = httpx.get(url, headers={"Authorization": "Bearer figures"}, trust_env=False).text
        assert "confchat_attestations_total" in figures
        age = re.search(r"^confchat_collateral_age_seconds (\S+)$", figures, re.MULTILINE)
        assert age is not None
        assert 0 <= float(age[1]) < 60, "fetched when this server began"
        ends = re.search(r"^confchat_collateral_expires_timestamp_seconds (\S+)$", figures, re.MULTILINE)
        assert ends is not None
        assert float(ends[1]) > time.time()
