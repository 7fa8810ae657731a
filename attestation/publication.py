"""What this installation publishes of itself, read from the files that the settings name: keys and known releases."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from attestation.approved import read_policy, read_withdrawn
from attestation.archive import read_limited
from attestation.encoding import b64decode
from attestation.errors import ConfigurationError, MalformedError
from attestation.gpu import parse_gpu_keys
from attestation.issuer import TokenIssuer
from attestation.key_files import read_private_key
from attestation.log.cosignature import parse_witness_vkey
from attestation.log.key import LogKey, load_log_key
from attestation.log.signer import CheckpointSigner
from attestation.log.witness import Witness
from attestation.named_policies import load_policy
from attestation.policy import Policy
from attestation.public_keys import PublicKeys
from attestation.reference_values import ReferenceRelease, load_releases
from attestation.services import Description, embedded_issuer, read_description
from attestation.services.service import NAME as EMBEDDED
from attestation.services.token_key import load_token_key

MAX_GPU_KEYS_BYTES = 64 * 1024
LOG_KEY_FILE = "log.ed25519"
CHECKPOINT_FILE = "log.checkpoint"
TOKEN_KEY_FILE = "token.p256"  # noqa: S105  # a file's name

_RELEASE_KEY_SIZE = 32


def policy() -> Policy:
    """Return the policy in force: what two people approved over the one that the settings name, else that one.

    Raises:
        ConfigurationError: there is none, or what was approved is not signed by the log key.
    """
    return _policy_in_force(approved_directory(), named_policy(), keys_directory(), settings.CONFCHAT_LOG_ORIGIN)


def named_policy() -> Policy:
    """Return the policy that the settings name. Raises `ConfigurationError`."""
    return _policy(settings.CONFCHAT_POLICY)


def approved_directory() -> Path:
    """Return where this installation keeps what two people approved."""
    return Path(settings.CONFCHAT_DATA_DIR) / "approved"


def forget() -> None:
    """Read policy and releases anew when they are asked for next: they were changed."""
    _policy_in_force.cache_clear()
    _releases.cache_clear()


def log_key() -> LogKey:
    """Return the deployment's log key."""
    return _log_key(keys_directory() / LOG_KEY_FILE, settings.CONFCHAT_LOG_ORIGIN)


def sign(message: bytes) -> bytes:
    """Return the log key's signature (Ed25519, 64 bytes) over a message that names what it is for."""
    key = read_private_key(keys_directory() / LOG_KEY_FILE)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{LOG_KEY_FILE} holds no Ed25519 key")
    return key.sign(message)


def checkpoint_signer() -> CheckpointSigner:
    """Return what signs this installation's log, and knows what was signed last."""
    return CheckpointSigner(log_key(), keys_directory() / CHECKPOINT_FILE)


def release_key() -> bytes | None:
    """Return the public key (Ed25519, 32 bytes) that reference releases are signed with, None where none is set."""
    if not settings.CONFCHAT_RELEASE_KEY:
        return None
    try:
        return b64decode(settings.CONFCHAT_RELEASE_KEY, size=_RELEASE_KEY_SIZE)
    except MalformedError as error:
        raise ConfigurationError("CONFCHAT_RELEASE_KEY is not an Ed25519 key in base64url") from error


def releases() -> tuple[ReferenceRelease, ...]:
    """Return the reference releases that are known good and were not withdrawn, newest first."""
    key = release_key()
    if key is None:
        return ()
    return _releases(settings.CONFCHAT_RELEASES_DIR, key, approved_directory(), keys_directory(), log_key().origin)


def witnesses() -> tuple[Witness, ...]:
    """Return the witnesses that cosign this installation's log.

    Raises:
        ConfigurationError: CONFCHAT_WITNESSES cannot be read.
    """
    return tuple(_parse_witness(item) for item in settings.CONFCHAT_WITNESSES)


def verifier_names() -> tuple[str, ...]:
    """Return the attestation services that the policy names, in the order in which they are shown: our own first."""
    return tuple(sorted(policy().verifiers, key=lambda name: (name != EMBEDDED, name)))


def verifier_description(name: str) -> Description:
    """Return how an attestation service elsewhere is asked. Raises `ConfigurationError`."""
    described = read_description(Path(settings.CONFCHAT_VERIFIERS_DIR) / f"{name}.json")
    if described.token.name != name:
        raise ConfigurationError(f"the attestation service in {name}.json calls itself {described.token.name}")
    return described


def token_issuers() -> tuple[TokenIssuer, ...]:
    """Return the attestation services that the policy names, as relying parties pin them."""
    return tuple(_token_issuer(name) for name in verifier_names())


def gpu_keys() -> tuple[dict[str, str], ...]:
    """Return the pinned keys of NVIDIA's attestation service, none where none are set."""
    path = settings.CONFCHAT_GPU_KEYS
    if path is None:
        return ()
    try:
        return parse_gpu_keys(read_limited(path, most=MAX_GPU_KEYS_BYTES))
    except MalformedError as error:
        raise ConfigurationError(f"CONFCHAT_GPU_KEYS: {path}: {error}") from error


def public_keys() -> PublicKeys:
    """Return every public key that this installation publishes."""
    log = log_key()
    return PublicKeys(
        log_origin=log.origin, log_key=log.public, release_key=release_key(), token_issuers=token_issuers()
    )


def keys_directory() -> Path:
    """Return where this installation keeps its private keys."""
    return Path(settings.CONFCHAT_DATA_DIR) / "keys"


def _parse_witness(item: str) -> Witness:
    url, _, vkey = item.partition(" ")
    if urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname:
        raise ConfigurationError(
            f"CONFCHAT_WITNESSES: {url!r} is not a witness's address, such as https://witness.example"
        )
    try:
        return Witness(url, parse_witness_vkey(vkey.strip()))
    except MalformedError as error:
        raise ConfigurationError(f"CONFCHAT_WITNESSES: behind {url}, {error}: name+id+key is expected") from error


@lru_cache(maxsize=4)
def _policy(name: str) -> Policy:
    return load_policy(name)


@lru_cache(maxsize=4)
def _policy_in_force(directory: Path, named: Policy, keys: Path, origin: str) -> Policy:
    if not directory.exists():  # nothing was ever approved, perhaps before there were keys
        return named
    return read_policy(directory, named=named, key=_log_key(keys / LOG_KEY_FILE, origin).public)


@lru_cache(maxsize=4)
def _log_key(path: Path, origin: str) -> LogKey:
    return load_log_key(path, origin=origin)


@lru_cache(maxsize=4)
def _releases(directory: Path, key: bytes, approved: Path, keys: Path, origin: str) -> tuple[ReferenceRelease, ...]:
    withdrawn = read_withdrawn(approved, key=_log_key(keys / LOG_KEY_FILE, origin).public)
    return tuple(item for item in load_releases(directory, release_key=key) if item.digest.hex() not in withdrawn)


def _token_issuer(name: str) -> TokenIssuer:
    if name == EMBEDDED:
        return _embedded_issuer(keys_directory() / TOKEN_KEY_FILE)
    return verifier_description(name).token


@lru_cache(maxsize=4)
def _embedded_issuer(path: Path) -> TokenIssuer:
    return embedded_issuer(load_token_key(path))
