"""One installation for all faults; after each test it must be as good as before, and have lost nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.confchat.sessions import KEY
from tests.faults.installation import Installation, installed
from tests.faults.surroundings import Surroundings, surrounded
from tests.product import PASSWORD
from tests.session_client import SessionClient, account_id, log_in, new_id

PAGE_SIZE = 100


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("faults") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def login(installation: Installation) -> Iterator[httpx.Client]:
    with log_in(installation.address, "user", PASSWORD) as client:
        yield client


@pytest.fixture(scope="session")
def user(login: httpx.Client) -> str:
    return account_id(login)


@dataclass
class Kept:
    """A conversation that grows by a prompt and its answer after each test."""

    conversation: str = field(default_factory=new_id)
    messages: int = 0


@pytest.fixture(scope="session")
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def surroundings(
    installation: Installation, login: httpx.Client, user: str, kept: Kept
) -> AsyncIterator[Surroundings]:
    """Everything that the product depends on; afterwards all is well again, and the product has said nothing odd."""
    async with surrounded(installation) as parts:
        yield parts
        await parts.restore()
        async with SessionClient.connected(installation.address, login.cookies, user=user, history_key=KEY) as client:
            await _converse(client, kept)
    assert [line for line in installation.log if "by a fault of this program" in line] == []


async def _converse(client: SessionClient, kept: Kept) -> None:
    """Have a new prompt answered in an affirmed session, beside everything that was ever answered there."""
    verdict = await client.ask(conversation=kept.conversation)
    assert (verdict["outcome"], verdict["error"]) == ("affirming", None)
    await client.open()
    texts, done = await client.chat("Is all well?")
    assert (texts["content"], done["reason"]) == ("All is well.", "stop")
    kept.messages += 2
    page = await client.call("conversation.open", conversation=kept.conversation, before=None)
    stored = [(message["state"], message["text"]) for message in page["messages"]]
    pair = [("complete", "Is all well?"), ("complete", "All is well.")]
    assert stored == pair * (min(kept.messages, PAGE_SIZE) // 2)


@pytest.fixture
async def client(
    surroundings: Surroundings, installation: Installation, login: httpx.Client, user: str
) -> AsyncIterator[SessionClient]:
    """A socket of the user's."""
    async with SessionClient.connected(installation.address, login.cookies, user=user, history_key=KEY) as connected:
        yield connected


@pytest.fixture
async def session(client: SessionClient) -> SessionClient:
    """A session that is open."""
    await client.ask()
    await client.open()
    return client
