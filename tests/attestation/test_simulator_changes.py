"""`manage.py simulator`: each change, made while everything runs, is seen by a verifier that is not ours."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from pytest_django import Settings

from attestation.collateral_cache import CollateralCache
from attestation.errors import ConfigurationError, MalformedError
from attestation.eventlog import extend, parse_ccel, replay
from attestation.pccs import ProvisioningClient
from attestation.quote import TdReport, parse_quote
from attestation.simulator.boot import measure
from attestation.simulator.changes import CHANGES, COLLATERAL_MAX_AGE_S, apply_change, describe_state
from attestation.simulator.installation import Guest, Installation, create_simulator, measurements
from attestation.simulator.sockets import PCCS_SOCKET, QGS_SOCKET
from attestation.simulator.state import StateFile
from quote_ext import qgs_quote
from tests.simulator_process import running
from tests.third_opinion import status_of

REPORT_DATA = bytes(range(64))


class Product:
    """What the product does with a simulator: quotes by the extension, collateral by its cache."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.root = Installation.open(directory).platform.root_der
        self.guest = Guest(directory)
        self.collateral = CollateralCache(
            ProvisioningClient(
                "http://simulator.invalid", transport=httpx.AsyncHTTPTransport(uds=str(directory / PCCS_SOCKET))
            ),
            root_sha256={hashlib.sha256(self.root).digest()},
            max_age_s=COLLATERAL_MAX_AGE_S,
        )
        self._capsys = capsys

    def quote(self) -> bytes:
        quote = qgs_quote(self.guest.td_report(REPORT_DATA), str(self.directory / QGS_SOCKET), timeout_s=5)
        assert parse_quote(quote).report.report_data == REPORT_DATA
        return quote

    async def status(self) -> str:
        quote = self.quote()
        collateral = await self.collateral.collateral_for(quote)
        return status_of(quote, collateral, root=self.root, at=datetime.now(UTC))

    async def command(self, action: str) -> str:
        await sync_to_async(call_command)("simulator", action)
        return self._capsys.readouterr().out


@pytest.fixture
async def product(
    settings: Settings, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> AsyncIterator[Product]:
    # Not tmp_path: a socket's path may have 107 bytes, and pytest's grow with the test's name.
    with tempfile.TemporaryDirectory(prefix="simulator-") as name:
        settings.CONFCHAT_SIMULATOR_DIR = Path(name)
        create_simulator(Path(name), quote_version=getattr(request, "param", 4))
        with running(Path(name)):
            product = Product(Path(name), capsys)
            yield product
            await product.collateral.aclose()


async def test_revoke_puts_the_pck_certificate_on_its_crl(product: Product) -> None:
    assert await product.status() == "UpToDate"
    assert "certificate_revoked" in await product.command("revoke")
    assert "CertRevoked" in await product.status()


async def test_outdated_publishes_a_tcb_recovery_that_restore_ends(product: Product) -> None:
    assert await product.status() == "UpToDate"
    assert "tcb_refused" in await product.command("outdated")
    assert await product.status() == "OutOfDate"
    assert "green" in await product.command("restore")
    assert await product.status() == "UpToDate"


@pytest.mark.parametrize("product", [4, 5], indirect=True)
async def test_debug_starts_the_td_anew_with_its_memory_open(product: Product) -> None:
    assert await product.status() == "UpToDate"
    assert "td_debug" in await product.command("debug")
    assert "Debug mode" in await product.status()
    assert parse_quote(product.quote()).report.td_attributes == bytes.fromhex("0100001000000000")


async def test_wrong_release_changes_what_is_measured_and_nothing_else(product: Product) -> None:
    def differing(report: TdReport) -> set[str]:
        released = measurements(product.directory)
        names = ("mr_td", "mr_seam", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "xfam", "mr_config_id", "mr_owner")
        return {name for name in names if getattr(report, name) != getattr(released, name)}

    assert differing(parse_quote(product.quote()).report) == set()
    assert "measurements_differ" in await product.command("wrong-release")
    assert differing(parse_quote(product.quote()).report) == {"mr_td", "rtmr2"}
    assert await product.status() == "UpToDate"


async def test_status_says_in_words_what_the_platform_is_like(product: Product) -> None:
    told = await product.command("status")
    assert "is running" in told
    assert "valid" in told
    assert "evaluation number: 20" in told


def test_evaluation_number_rises_with_each_recovery_and_never_falls(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    numbers = []
    for name in ("outdated", "outdated", "restore", "outdated", "restore"):
        apply_change(tmp_path, name)
        numbers.append(StateFile(tmp_path).read().evaluation_number)
    assert numbers == [21, 21, 21, 22, 22]


def test_changes_add_up_until_restore_undoes_them(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    for name in CHANGES:
        if name != "restore":
            apply_change(tmp_path, name)
    told = describe_state(tmp_path)
    assert all(word in told for word in ("not running", "revoked", "OutOfDate", "DEBUG", "another release"))
    apply_change(tmp_path, "restore")
    told = describe_state(tmp_path)
    assert all(word in told for word in ("valid", "UpToDate", "not debuggable", "those of the release"))


def test_simulator_that_does_not_run_is_said_to_be_so(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    assert "not running" in apply_change(tmp_path, "revoke")


def test_command_without_a_simulator_says_to_run_the_set_up(settings: Settings, tmp_path: Path) -> None:
    settings.CONFCHAT_SIMULATOR_DIR = tmp_path
    for action in ("revoke", "status"):
        with pytest.raises(CommandError, match=r"run the set-up|cannot be read"):
            call_command("simulator", action)
    with pytest.raises(ConfigurationError):
        apply_change(tmp_path / "none", "revoke")


def test_unknown_action_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.CONFCHAT_SIMULATOR_DIR = tmp_path
    with pytest.raises(CommandError):
        call_command("simulator", "explode")


async def test_what_a_td_extended_stays_until_it_is_started_again(product: Product) -> None:
    digest = measure("an event")
    product.guest.extend(digest)
    product.guest.extend(digest)
    twice = extend(extend(bytes(48), digest), digest)
    assert parse_quote(product.quote()).report.rtmr3 == twice
    assert twice.hex() in describe_state(product.directory)
    await product.command("revoke")
    assert parse_quote(product.quote()).report.rtmr3 == twice
    assert "RTMR3 is zero" in await product.command("reboot")
    assert parse_quote(product.quote()).report.rtmr3 == bytes(48)


async def test_the_firmware_s_log_leads_to_the_registers_of_whatever_was_started(product: Product) -> None:
    for action in ("restore", "wrong-release"):
        await product.command(action)
        report = parse_quote(product.quote()).report
        assert replay(parse_ccel(product.guest.firmware_log()))[:3] == (report.rtmr0, report.rtmr1, report.rtmr2)


def test_a_register_is_extended_with_a_digest_and_nothing_else(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    with pytest.raises(MalformedError):
        Guest(tmp_path).extend(bytes(47))
    # RTMR3 in a TDREPORT (Intel TDX Module ABI, "TDREPORT_STRUCT").
    assert Guest(tmp_path).td_report(REPORT_DATA)[864:912] == bytes(48)
