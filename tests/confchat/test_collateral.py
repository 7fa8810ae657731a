"""Where this installation gets collateral."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from confchat.checks import check_settings
from confchat.collateral import named_source, verifies_tls

INSECURE = '{"pccs_url": "https://pccs.cloud.example/sgx/certification/v4/", "use_secure_cert": false}'


@pytest.fixture
def on_machine(settings: Settings, tmp_path: Path) -> Callable[[str], None]:
    """Give a way to write the machine's own file; nothing else is set."""
    settings.CONFCHAT_PCCS_URL = ""
    settings.CONFCHAT_DEVELOPMENT = False
    settings.CONFCHAT_UNSAFE_PCCS_TLS = False
    settings.CONFCHAT_QCNL_FILE = tmp_path / "sgx_default_qcnl.conf"
    return lambda text: settings.CONFCHAT_QCNL_FILE.write_text(text) and None


def ids() -> set[str]:
    return {str(message.id) for message in check_settings(None)}


def test_settings_stand_before_the_machines_file_and_that_before_intel(
    settings: Settings, on_machine: Callable[[str], None]
) -> None:
    assert named_source().url == "https://api.trustedservices.intel.com"
    on_machine("PCCS_URL=https://pccs.cloud.example/\n")
    assert named_source().url == "https://pccs.cloud.example/"
    settings.CONFCHAT_PCCS_URL = "https://pccs.mine.example"
    assert named_source().url == "https://pccs.mine.example"


def test_certificate_goes_unverified_only_where_that_is_allowed_by_name(
    settings: Settings, on_machine: Callable[[str], None]
) -> None:
    on_machine(INSECURE)
    assert verifies_tls(named_source())
    assert "confchat.W003" in ids()
    settings.CONFCHAT_UNSAFE_PCCS_TLS = True
    assert not verifies_tls(named_source())
    assert "confchat.W004" in ids()
    settings.CONFCHAT_UNSAFE_PCCS_TLS, settings.CONFCHAT_DEVELOPMENT = False, True
    assert not verifies_tls(named_source())
    settings.CONFCHAT_DEVELOPMENT = False
    settings.CONFCHAT_PCCS_URL = "https://pccs.mine.example"
    assert verifies_tls(named_source())


def test_file_that_cannot_be_read_stops_the_start(on_machine: Callable[[str], None]) -> None:
    on_machine("{")
    assert "confchat.E006" in ids()
