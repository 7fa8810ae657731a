"""The simulated provisioning service, asked as Intel's is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from cryptography import x509

from attestation.simulator.installation import ISSUE_PERIOD_S, Installation, create_simulator
from attestation.simulator.pcs import ProvisioningService
from attestation.simulator.state import STATE_FILE, State, write_state

NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
TCB = "/tdx/certification/v4/tcb"
QE_IDENTITY = "/tdx/certification/v4/qe/identity"
PCK_CRL = "/sgx/certification/v4/pckcrl"
ROOT_CRL = "/sgx/certification/v4/rootcacrl"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    create_simulator(tmp_path, now=NOW - timedelta(days=1))
    return Installation.open(tmp_path)


@pytest.fixture
async def client(installation: Installation, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=ProvisioningService(installation, clock=clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator.invalid") as client:
        yield client


@pytest.mark.parametrize("fmspc", ["51AD00C0FFEE", "51ad00c0ffee"])
async def test_tcb_info_stands_verbatim_before_its_signature(
    client: httpx.AsyncClient, installation: Installation, fmspc: str
) -> None:
    response = await client.get(TCB, params={"fmspc": fmspc})
    collateral = installation.collateral(NOW)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == f'{{"tcbInfo":{collateral.tcb_info},"signature":"{collateral.tcb_info_signature.hex()}"}}'
    chain = response.headers["TCB-Info-Issuer-Chain"]
    assert "\n" not in chain
    assert "+" not in chain
    assert unquote(chain) == collateral.tcb_info_issuer_chain


async def test_qe_identity_stands_verbatim_before_its_signature(
    client: httpx.AsyncClient, installation: Installation
) -> None:
    response = await client.get(QE_IDENTITY)
    collateral = installation.collateral(NOW)
    signature = collateral.qe_identity_signature.hex()
    assert response.text == f'{{"enclaveIdentity":{collateral.qe_identity},"signature":"{signature}"}}'
    assert unquote(response.headers["SGX-Enclave-Identity-Issuer-Chain"]) == collateral.qe_identity_issuer_chain


async def test_pck_crl_comes_as_der_or_as_pem(client: httpx.AsyncClient, installation: Installation) -> None:
    der = await client.get(PCK_CRL, params={"ca": "platform", "encoding": "der"})
    pem = await client.get(PCK_CRL, params={"ca": "platform"})
    collateral = installation.collateral(NOW)
    assert der.content == collateral.pck_crl
    assert x509.load_pem_x509_crl(pem.content) == x509.load_der_x509_crl(collateral.pck_crl)
    for response in (der, pem):
        assert unquote(response.headers["SGX-PCK-CRL-Issuer-Chain"]) == collateral.pck_crl_issuer_chain


async def test_root_crl_comes_in_hex_as_a_pccs_sends_it(client: httpx.AsyncClient, installation: Installation) -> None:
    response = await client.get(ROOT_CRL)
    assert bytes.fromhex(response.text) == installation.collateral(NOW).root_ca_crl


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (TCB, 400),
        (f"{TCB}?fmspc=51AD", 400),
        (f"{TCB}?fmspc=00806F050000", 404),
        (f"{PCK_CRL}?ca=processor&encoding=der", 400),
        (PCK_CRL, 400),
        ("/", 404),
        ("/tdx/certification/v3/tcb?fmspc=51AD00C0FFEE", 404),
    ],
)
async def test_unknown_questions_get_no_collateral(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path)).status_code == status


async def test_only_get_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.post(QE_IDENTITY)).status_code == 405


async def test_change_of_state_is_published_at_once(client: httpx.AsyncClient, tmp_path: Path) -> None:
    before = (await client.get(PCK_CRL, params={"ca": "platform", "encoding": "der"})).content
    write_state(tmp_path, State(changed_at=NOW, is_revoked=True))
    after = (await client.get(PCK_CRL, params={"ca": "platform", "encoding": "der"})).content
    assert len(x509.load_der_x509_crl(before)) == 0
    assert len(x509.load_der_x509_crl(after)) == 1


async def test_collateral_is_signed_anew_as_time_goes_by(client: httpx.AsyncClient, clock: Clock) -> None:
    first = (await client.get(QE_IDENTITY)).text
    assert (await client.get(QE_IDENTITY)).text == first
    clock.now = NOW + timedelta(seconds=ISSUE_PERIOD_S)
    assert (await client.get(QE_IDENTITY)).text != first


async def test_state_that_cannot_be_read_is_an_error_of_the_service(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("{}")
    assert (await client.get(QE_IDENTITY)).status_code == 500
