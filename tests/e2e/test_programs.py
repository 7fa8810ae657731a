"""Programs at the running product: an access token, what they pinned, and a question on standard input."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from attestation.client import RefusedError, connect, parse_access_token, trusting
from attestation.encoding import b64decode
from attestation.issuer import parse_issuer
from attestation.named_policies import load_policy
from attestation.offline import Anchors
from tests.product import ROOT, Server
from tests.session_client import SessionClient, account_id, log_in

QUESTION = "Name one colour of the rainbow."
SHORT = ("--max-tokens", "8", "--effort", "off")


@dataclass(frozen=True)
class Program:
    """What the operator of a script has on his computer: files of his own, and keys known from elsewhere."""

    server: Server
    directory: Path
    account: str
    pinned: tuple[str, ...]
    anchors: Anchors

    @property
    def token(self) -> str:
        return (self.directory / "token").read_text().strip()

    def chat(self, *arguments: str, asked: str = QUESTION) -> subprocess.CompletedProcess[str]:
        """Run the client as a script runs it."""
        files = ("--token-file", str(self.directory / "token"), "--state", str(self.directory / "sites.json"))
        return subprocess.run(
            [sys.executable, "-m", "attestation", "chat", self.server.address, *files, *self.pinned, *arguments],
            cwd=ROOT,
            input=asked,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def program(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Program:
    directory = tmp_path_factory.mktemp("program")
    account = server.new_account("program")
    write_secret(directory / "token", server.manage("access_token", account, "--name", "a script"))
    with urllib.request.urlopen(f"{server.address}/attestation/keys") as response:
        keys = json.load(response)
    (directory / "issuer.json").write_text(json.dumps(keys["tokens"][0]))
    root = hashlib.sha256((server.data_dir / "simulator" / "root.der").read_bytes())
    pinned = (
        f"--log-key={keys['log']['key']}",
        f"--release-key={keys['release']['key']}",
        f"--token-issuer={directory / 'issuer.json'}",
        f"--simulator-root={root.hexdigest()}",
    )
    anchors = trusting(
        policy=load_policy("development"),
        release_keys=[b64decode(keys["release"]["key"])],
        log_key=b64decode(keys["log"]["key"]),
        token_issuers=[parse_issuer(keys["tokens"][0])],
        simulator_root_sha256=root.digest(),
    )
    return Program(server, directory, account, pinned, anchors)


def write_secret(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def test_a_script_pipes_a_question_in_and_gets_the_answer_out(program: Program) -> None:
    ended = program.chat(*SHORT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    assert "Verified: every check holds" in ended.stderr
    assert not any(word in ended.stdout for word in ("Verified", "SIMULATED"))


def test_a_script_reads_answer_and_proof_as_json(program: Program) -> None:
    ended = program.chat(*SHORT, "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["content"].strip()
    assert told["attestation"]["outcome"] == "affirming"
    assert (told["model"]["name"], told["operator_key"]) == ("smollm2:135m", "given")


def test_a_release_of_somebody_else_is_not_talked_to(program: Program) -> None:
    other = tuple(f"--release-key={'A' * 43}" if each.startswith("--release") else each for each in program.pinned)
    ended = Program(program.server, program.directory, program.account, other, program.anchors).chat(*SHORT)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "NOTHING WAS SAID TO IT" in ended.stderr


def test_the_client_needs_no_django() -> None:
    code = "import sys, attestation.commands.chat; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0


async def test_a_token_that_nobody_made_opens_nothing(program: Program) -> None:
    made = parse_access_token(program.token)
    for forged in (
        type(made)(made.account, os.urandom(32)),
        type(made)("00000000-0000-4000-8000-000000000009", made.secret),  # a good secret of another account
    ):
        with pytest.raises(RefusedError) as refused:
            async with connect(program.server.address, token=forged.to_text(), anchors=program.anchors):
                pass
        assert refused.value.code == "login_required"


async def test_a_token_made_on_the_page_chats_until_it_is_revoked_there(program: Program) -> None:
    server = program.server
    with log_in(server.address, server.new_account("writer"), server.password) as person:
        post(person, "/accounts/reauthenticate/", password=server.password)
        shown = post(person, "/accounts/tokens/", name="a script", days="7").text
        token = re.findall(r"confchat_[0-9a-f-]{36}_[\w-]{43}", shown)[0]
        async with connect(server.address, token=token, anchors=program.anchors) as session:
            assert [piece async for piece in session.ask(QUESTION, effort="off", options={"num_predict": 8})]
            listed = person.get("/accounts/tokens/").text
            post(person, re.findall(r'action="(/accounts/tokens/[0-9a-f-]{36}/revoke)"', listed)[0])
            with pytest.raises(RefusedError) as refused:
                _ = [piece async for piece in session.ask(QUESTION)]
            assert refused.value.code == "login_required"


def post(person: httpx.Client, path: str, **form: str) -> httpx.Response:
    headers = {"Referer": str(person.base_url), "Origin": str(person.base_url).rstrip("/")}
    form["csrfmiddlewaretoken"] = person.cookies["csrftoken"]
    return person.post(path, data=form, headers=headers).raise_for_status()


async def test_with_the_history_key_a_conversation_is_kept_and_gone_on_with(program: Program) -> None:
    server, key = program.server, os.urandom(32)
    account = server.new_account("historian")
    token = server.manage("access_token", account, "--name", "a script").strip()
    given: dict[str, Any] = {"token": token, "anchors": program.anchors, "history_key": key}
    with pytest.raises(RefusedError, match="history key"):  # a program enrols none
        async with connect(server.address, **given):
            pass
    with log_in(server.address, account, server.password) as person:
        user = account_id(person)
        async with SessionClient.connected(server.address, person.cookies, user=user, history_key=key) as browser:
            await browser.ask()
            await browser.open()
    async with connect(server.address, **given) as session:
        assert [piece async for piece in session.ask(QUESTION, effort="off", options={"num_predict": 8})]
    async with connect(server.address, conversation=session.conversation, **given) as again:
        assert [piece async for piece in again.ask("Another one?", effort="off", options={"num_predict": 8})]
        assert again.newest.parent == session.newest.reply


@pytest.mark.parametrize("path", ["/", "/accounts/", "/people/", "/models/", "/attestation/", "/attestation/own/"])
def test_a_token_reaches_no_page(program: Program, path: str) -> None:
    headers = {"Authorization": f"Bearer {program.token}"}
    answer = httpx.get(program.server.address + path, headers=headers, trust_env=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/accounts/login/")


def test_no_token_stands_in_a_log(program: Program) -> None:
    secret = program.token.rsplit("_", 1)[1]
    assert secret not in program.server.output.read_text()
    for path in program.server.data_dir.rglob("*"):
        if path.is_file() and "models" not in path.parts:
            assert secret.encode() not in path.read_bytes(), path
