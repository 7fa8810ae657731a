"""Who reaches what: a stranger, the user, the admin and the auditor at every address that the product has.

The table names every address, or the test fails: a new view is not forgotten. Answers are given in that order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from django.urls import URLResolver, get_resolver

from tests.product import Server
from tests.session_client import SessionClient, account_id, log_in

PERSONS = ("stranger", "user", "admin", "auditor")
SIGN_IN = 302  # to the page where one signs in
OPEN, MEMBERS = (200, 200, 200, 200), (SIGN_IN, 200, 200, 200)
READERS, HIDDEN = (SIGN_IN, 403, 200, 200), (SIGN_IN, 404, 200, 200)
ADMINS_ONLY = (SIGN_IN, 403, 200, 403)
NOWHERE, POST_ONLY = (404, 404, 404, 404), (405, 405, 405, 405)

# Every route -> how a GET is answered to each of them. The record is the auditor's own.
ROUTES = {
    "": MEMBERS,
    "c/{conversation}/": MEMBERS,
    "history/start-over/": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),  # everybody signs in anew first
    "how/": OPEN,
    "language/": POST_ONLY,
    "models/": ADMINS_ONLY,
    "models/pull": POST_ONLY,
    "models/pull/end": POST_ONLY,
    "models/pull/state": ADMINS_ONLY,
    "models/encrypted/state": ADMINS_ONLY,
    "people/": ADMINS_ONLY,
    "people/new/": ADMINS_ONLY,
    "people/invitations/": ADMINS_ONLY,
    "people/invitations/{invitation}/withdraw": POST_ONLY,
    "people/usage/": READERS,
    "people/usage.csv": READERS,
    "people/{person}/": (SIGN_IN, 403, 404, 403),  # an account that nobody has
    "accounts/": MEMBERS,
    "accounts/delete/": MEMBERS,
    "accounts/sessions/{login}/end": POST_ONLY,
    "accounts/tokens/": MEMBERS,
    "accounts/tokens/{token}/revoke": POST_ONLY,
    "accounts/invitation/{secret}/": NOWHERE,  # an invitation that nobody made
    "healthz": OPEN,
    "readyz": OPEN,
    "metrics": NOWHERE,  # without its token
    "attestation/": READERS,
    "attestation/own/": MEMBERS,
    "attestation/overview/": READERS,
    "attestation/compare/": READERS,
    "attestation/dry-run/": READERS,
    "attestation/export": READERS,
    "attestation/records/{record}/": HIDDEN,
    "attestation/records/{record}/again/": READERS,
    "attestation/records/{record}/evidence.zip": HIDDEN,
    "attestation/policy/": READERS,
    "attestation/policy/{proposal}/": (SIGN_IN, 403, 404, 404),  # a proposal that nobody made
    "attestation/verify/": READERS,
    "attestation/verify/{run}/": (SIGN_IN, 403, 404, 404),  # a run that nobody began
    "attestation/verify/{run}/step": POST_ONLY,
    "attestation/evidence": POST_ONLY,
    "attestation/releases": OPEN,
    "attestation/keys": OPEN,
    "attestation/log/": READERS,
    "attestation/log/checkpoint": OPEN,
    "attestation/log/witnesses": OPEN,
    "attestation/log/witnessed": NOWHERE,  # nobody witnesses this installation
    "attestation/log/tile/{path}": NOWHERE,  # a path that is no tile's
}
# allauth's own, which its flows guard; those that are ours stand above.
ACCOUNTS = re.compile(r"accounts/.")
PARAMETERS = {
    "conversation": "00000000-0000-4000-8000-000000000001",
    "invitation": "00000000-0000-4000-8000-000000000004",
    "login": "999999",
    "path": "x",
    "person": "00000000-0000-4000-8000-000000000005",
    "secret": "x",
    "token": "00000000-0000-4000-8000-000000000006",
    "proposal": "00000000-0000-4000-8000-000000000003",
    "run": "00000000-0000-4000-8000-000000000002",
}


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as stack:
        clients = {"stranger": stack.enter_context(httpx.Client(base_url=server.address, trust_env=False))}
        for name in PERSONS[1:]:
            clients[name] = stack.enter_context(log_in(server.address, name, server.password))
            clients[name].follow_redirects = False
        yield clients


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Yield every route of the project with its parameters by name."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


async def record_of(server: Server, name: str) -> str:
    """Have somebody ask for an attestation, and return its record."""
    with log_in(server.address, name, server.password) as client:
        async with SessionClient.connected(server.address, client.cookies, user=account_id(client)) as session:
            await session.ask()
            return str(session.evidence["record"])


def test_every_address_stands_in_the_table() -> None:
    assert {route for route in routes() if not ACCOUNTS.match(route) or route in ROUTES} == set(ROUTES)


async def test_everybody_reaches_what_is_his_and_nothing_else(server: Server, people: dict[str, httpx.Client]) -> None:
    parameters = PARAMETERS | {"record": await record_of(server, "auditor")}
    for route, expected in ROUTES.items():
        path = "/" + route.format(**parameters)
        answers = [people[name].get(path) for name in PERSONS]
        assert tuple(answer.status_code for answer in answers) == expected, path
        for answer in answers:
            if answer.status_code == SIGN_IN:
                assert answer.headers["location"].startswith(("/accounts/login/", "/accounts/reauthenticate/")), path


async def test_a_user_reads_and_takes_away_his_own_records_and_nobody_elses(
    server: Server, people: dict[str, httpx.Client]
) -> None:
    own, foreign = await record_of(server, "user"), await record_of(server, "auditor")
    listed = people["user"].get("/attestation/own/").text
    assert own in listed
    assert foreign not in listed
    assert people["user"].get(f"/attestation/records/{own}/evidence.zip").status_code == 200
    assert people["user"].get(f"/attestation/records/{own}/").status_code == 200
    assert people["user"].get(f"/attestation/records/{own}/again/").status_code == 403
    assert people["user"].get(f"/attestation/records/{foreign}/").status_code == 404


async def test_nobody_changes_a_record_by_any_address(server: Server, people: dict[str, httpx.Client]) -> None:
    parameters = PARAMETERS | {"record": await record_of(server, "user")}
    for route in ROUTES:
        if not route.startswith("attestation/") or route == "attestation/evidence":
            continue
        for name in ("admin", "auditor"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                answer = people[name].request(method, "/" + route.format(**parameters))
                assert answer.status_code in (403, 404, 405), (method, route)


@pytest.mark.parametrize("name", PERSONS[1:])
def test_only_those_who_may_read_the_history_are_shown_the_way(people: dict[str, httpx.Client], name: str) -> None:
    is_shown = 'href="/attestation/"' in people[name].get("/").text
    assert is_shown == (name != "user")


def test_nobody_signs_up_without_an_invitation(people: dict[str, httpx.Client]) -> None:
    assert 'name="password1"' not in people["stranger"].get("/accounts/signup/").text
