"""Setting up: what is made, how it is kept, and that doing it again changes nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from pytest_django import Settings

from attestation.errors import ConfigurationError
from attestation.reference_models import ReferenceModel
from attestation.reference_values import load_releases
from confchat.build import read_key_file
from confchat.installation import create_first_accounts, exclusive_use, install
from confchat.model_choice import ReleasedModels
from confchat.models import ADMINS, AUDITORS, User

MODEL = ReferenceModel(name="smollm2:135m", digest="sha256:" + "ab" * 32, blobs=())


@pytest.fixture
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    directory = tmp_path / "data"
    settings.CONFCHAT_DATA_DIR = directory
    settings.CONFCHAT_SIMULATOR_DIR = directory / "simulator"
    settings.CONFCHAT_RELEASES_DIR = directory / "releases"
    settings.CONFCHAT_CONFIGFS = tmp_path / "no device"
    settings.CONFCHAT_FIRST_PASSWORD = "a first password"
    return directory


def set_up(data_dir: Path) -> list[str]:
    lines: list[str] = []
    with exclusive_use(data_dir):
        install(models=ReleasedModels((MODEL,), ()), report=lines.append)
    return lines


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.django_db(transaction=True)
def test_every_file_is_readable_by_its_owner_alone(data_dir: Path) -> None:
    set_up(data_dir)
    secret = [path for path in data_dir.rglob("*") if path.is_file() and path.parent.name in ("keys", "data")]
    assert {path.name for path in secret} >= {"secret_key", "log.ed25519", "token.p256", "release.ed25519"}
    open_to_others = [path.name for path in secret if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    assert [name for name in open_to_others if name != "release.pub"] == []
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "keys").stat().st_mode) == 0o700


@pytest.mark.django_db(transaction=True)
def test_setting_up_again_changes_nothing(data_dir: Path) -> None:
    set_up(data_dir)
    before = files(data_dir)
    assert set_up(data_dir) == []
    assert files(data_dir) == before


@pytest.mark.django_db(transaction=True)
def test_reference_release_is_signed_by_the_key_that_browsers_will_pin(data_dir: Path) -> None:
    assert len(set_up(data_dir)) == 1
    from attestation.encoding import b64decode

    key = b64decode(read_key_file(data_dir / "keys" / "release.pub"), size=32)
    (release,) = load_releases(data_dir / "releases", release_key=key)
    assert release.models == {MODEL}
    assert "confchat/installation.py" in release.files


@pytest.mark.django_db(transaction=True)
def test_two_installations_share_no_secret(data_dir: Path, tmp_path: Path, settings: Settings) -> None:
    set_up(data_dir)
    first = files(data_dir)
    other = tmp_path / "other"
    settings.CONFCHAT_DATA_DIR = other
    settings.CONFCHAT_SIMULATOR_DIR = other / "simulator"
    settings.CONFCHAT_RELEASES_DIR = other / "releases"
    set_up(other)
    secrets = {name for name in files(other) if name == "secret_key" or name.startswith(("keys/", "simulator/p"))}
    assert {"secret_key", "keys/log.ed25519", "keys/release.ed25519", "simulator/platform.json"} <= secrets
    assert [name for name in secrets if files(other)[name] == first[name]] == []


@pytest.mark.django_db(transaction=True)
def test_without_a_device_or_leave_to_simulate_nothing_is_set_up(data_dir: Path, settings: Settings) -> None:
    settings.CONFCHAT_DEVELOPMENT = False
    with pytest.raises(ConfigurationError, match="no way to a quote"):
        set_up(data_dir)
    assert not (data_dir / "simulator").exists()
    assert not User.objects.exists()


def test_data_directory_serves_one_process_at_a_time(tmp_path: Path) -> None:
    with exclusive_use(tmp_path), pytest.raises(ConfigurationError, match="already running"), exclusive_use(tmp_path):
        pytest.fail("two at once")


def test_data_directory_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive_use(tmp_path):
            assert (tmp_path / "lock").exists()


@pytest.mark.django_db(transaction=True)
def test_first_accounts_have_their_groups_and_no_more() -> None:
    create_first_accounts("a first password")
    groups = {user.username: {group.name for group in user.groups.all()} for user in User.objects.all()}
    assert groups == {"user": set(), "admin": {ADMINS}, "auditor": {AUDITORS}}
    assert not User.objects.filter(is_superuser=True).exists()


@pytest.mark.django_db(transaction=True)
def test_random_passwords_differ_and_open_their_accounts() -> None:
    accounts = create_first_accounts("")
    assert len({account.password for account in accounts}) == 3
    for account in accounts:
        assert authenticate(username=account.name, password=account.password) is not None


@pytest.mark.django_db(transaction=True)
def test_accounts_that_are_there_are_left_alone() -> None:
    User.objects.create_user("somebody", password="their own secret")
    assert create_first_accounts("a first password") == ()
    assert User.objects.count() == 1
