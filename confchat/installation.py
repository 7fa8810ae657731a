"""What an installation needs before it can serve: directory, keys, tables, simulator, reference release, accounts.

Every step leaves alone what is there already, so that setting up again changes nothing.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction

from attestation import publication, this_machine
from attestation.encoding import b64encode
from attestation.errors import ConfigurationError
from attestation.key_files import read_private_key, write_private_key
from attestation.log.key import create_log_key
from attestation.log.store import sign_log
from attestation.services.token_key import create_token_key
from attestation.simulator.installation import create_simulator, measurements, start_td
from confchat.file_digests import FileDigests
from confchat.first_passwords import random_password
from confchat.model_choice import ReleasedModels
from confchat.model_records import events_of, records_of_installation
from confchat.models import ADMINS, AUDITORS
from confchat.reference_release import program_files, program_version, renew_release

FIRST_ACCOUNTS = (("user", None), ("admin", ADMINS), ("auditor", AUDITORS))
SECRET_KEY_BYTES = 50


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account just made; its password is known here and nowhere else."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Installation:
    """What was set up: new accounts, and whence this machine's quotes come (an interface's name)."""

    accounts: tuple[NewAccount, ...]
    quotes_from: str
    is_simulated: bool


@contextmanager
def exclusive_use(data_dir: Path) -> Iterator[None]:
    """Make the data directory, and hold it for this process alone; what the process makes from now on is private.

    Raises:
        ConfigurationError: another process holds it, or it cannot be written.
    """
    os.umask(0o077)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir.chmod(0o700)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{data_dir} cannot be used for data: {error.strerror}") from error
    try:
        _lock(descriptor, data_dir)
        yield
    finally:
        os.close(descriptor)


def install(*, models: ReleasedModels, report: Callable[[str], None]) -> Installation:
    """Make what is missing; for a simulated platform, sign a reference release that names `models`.

    The caller holds `exclusive_use`.

    Raises:
        ConfigurationError: something cannot be made, there is neither a TDX device nor leave to simulate one, or the
            database does not hold the log that was signed.
    """
    data_dir: Path = settings.CONFCHAT_DATA_DIR
    (data_dir / "keys").mkdir(mode=0o700, exist_ok=True)
    _create_secret(data_dir / "secret_key")
    for path, create in (
        (data_dir / "keys" / "log.ed25519", create_log_key),
        (data_dir / "keys" / "token.p256", create_token_key),
    ):
        if not path.exists():
            create(path)
    origin = data_dir / "log.origin"
    if not origin.exists():
        origin.write_text(settings.CONFCHAT_LOG_ORIGIN + "\n", "ascii")
    call_command("migrate", verbosity=0, interactive=False)
    sign_log(publication.checkpoint_signer())
    if settings.CONFCHAT_DEVELOPMENT:
        create_simulator(settings.CONFCHAT_SIMULATOR_DIR)
        if not settings.CONFCHAT_SIMULATOR_RUNS:
            start_td(settings.CONFCHAT_SIMULATOR_DIR)
    attester = this_machine.attester()
    attester.close()
    is_simulated = attester.trust_anchor == "simulator"
    if is_simulated and _sign_release(data_dir, models):
        report("Signed a reference release of this software and model, for development")
    accounts = create_first_accounts(settings.CONFCHAT_FIRST_PASSWORD)
    return Installation(accounts, attester.name, is_simulated)


@transaction.atomic
def create_first_accounts(password: str) -> tuple[NewAccount, ...]:
    """Make the groups, and the three first accounts where there is none; an empty password means random ones."""
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in (ADMINS, AUDITORS)}
    accounts = get_user_model()
    if accounts.objects.exists():
        return ()
    created = []
    for name, group in FIRST_ACCOUNTS:
        new = NewAccount(name, password or random_password())
        account = accounts.objects.create_user(new.name, password=new.password)
        if group is not None:
            account.groups.add(groups[group])
        created.append(new)
    return tuple(created)


def _lock(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"ConfChat is already running with the data in {data_dir}; end it first, or set CONFCHAT_DATA_DIR"
        ) from error


def _sign_release(data_dir: Path, models: ReleasedModels) -> bool:
    """Sign a release that names this platform, these models and these files, with a key made for it here."""
    path = data_dir / "keys" / "release.ed25519"
    if not path.exists():
        write_private_key(path, Ed25519PrivateKey.generate())
    key = read_private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} holds no Ed25519 key")
    public = path.with_suffix(".pub")
    if not public.exists():
        public.write_text(b64encode(key.public_key().public_bytes_raw()) + "\n", "ascii")
    directory: Path = settings.CONFCHAT_RELEASES_DIR
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return renew_release(
        directory,
        key,
        version=program_version(settings.BASE_DIR),
        measurements=[replace(measurements(settings.CONFCHAT_SIMULATOR_DIR), rtmr3=None)],
        models=models.models,
        model_servers=models.servers,
        files=program_files(settings.BASE_DIR, FileDigests()),
        events=events_of(records_of_installation()),
        now=datetime.now(UTC),
    )


def _create_secret(path: Path) -> None:
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(SECRET_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
