"""The product on PostgreSQL: everything that is kept is kept there, and a database that goes comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.confchat.sessions import KEY
from tests.faults.installation import Installation, installed
from tests.faults.surroundings import Surroundings, surrounded
from tests.faults.test_database import NO_EVIDENCE
from tests.postgresql import Cluster, running_cluster
from tests.product import PASSWORD, ROOT
from tests.session_client import SessionClient, account_id, log_in

# What asks the database for more than any ORM promises: locks, order, pages by key, groups, binary columns.
DEMANDING = (
    "tests/attestation/test_history.py",
    "tests/attestation/test_log_store.py",
    "tests/confchat/test_group_commit.py",
    "tests/confchat/test_quotas.py",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="module")
def kept_there(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("postgresql") / "data", CONFCHAT_DATABASE_URL=cluster.url) as running:
        yield running


@pytest.fixture
async def around(kept_there: Installation) -> AsyncIterator[Surroundings]:
    async with surrounded(kept_there) as parts:
        yield parts


def test_history_log_pages_and_groups_work_as_on_sqlite(cluster: Cluster) -> None:
    environment = os.environ | {"CONFCHAT_TESTS_DATABASE_URL": cluster.url}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--reuse-db",
        *DEMANDING,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.usefixtures("around")
async def test_a_database_that_goes_stops_everything_and_a_database_that_comes_back_goes_on(
    kept_there: Installation, cluster: Cluster
) -> None:
    with log_in(kept_there.address, "user", PASSWORD) as login:
        connected = SessionClient.connected(kept_there.address, login.cookies, user=account_id(login), history_key=KEY)
        async with connected as client:
            await client.ask()
            await client.open()
            await client.chat("Keep this.")
            conversation = client.conversation
            cluster.stop()
            reply = await client.ask_model("And this.")
            assert (reply["type"], reply["code"], reply["retry"]) == ("error", "not_stored", True)
            await client.send_question()
            assert await client.receive_clear() == NO_EVIDENCE
            ready = await asyncio.to_thread(httpx.get, f"{kept_there.address}/readyz", trust_env=False)
            assert (ready.status_code, ready.json()["faults"]["database"]) == (503, "database_unavailable")
            cluster.start()
            assert (await client.ask(conversation=conversation))["outcome"] == "affirming"
            await client.open()
            page = await client.call("conversation.open", conversation=conversation, before=None)
            assert [message["text"] for message in page["messages"]] == ["Keep this.", "All is well."]
    with log_in(kept_there.address, "auditor", PASSWORD) as auditor:
        assert auditor.get("/attestation/").text.count("/attestation/records/") >= 2
        assert auditor.get("/attestation/overview/").status_code == 200
