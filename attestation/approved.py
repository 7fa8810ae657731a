"""What two people approved, as it is in force: files signed by the deployment's log key, outside the database. Pure.

`policy.json` holds the policy that stands in place of the one that the settings name, for as long as they name that
one; `withdrawn.json` the reference releases that no longer count. Each brings its signature. A file whose
signature does not hold stops everything: nobody is to wonder what is in force.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AttestationError, ConfigurationError, MalformedError
from attestation.policy import Policy
from attestation.policy_text import policy_digest, policy_from, policy_members

VERSION = "confchat/1 approved"
POLICY_FILE, WITHDRAWN_FILE = "policy.json", "withdrawn.json"
MAX_BYTES = 256 * 1024

_LABEL = b"confchat/1 approved\x00"

Sign = Callable[[bytes], bytes]


def read_policy(directory: Path, *, named: Policy, key: bytes) -> Policy:
    """Return the policy in force: the approved one, if it was approved over the one that the settings name.

    Raises:
        ConfigurationError: the file is not signed by the log key, or holds no policy.
    """
    members = _read(directory / POLICY_FILE, key)
    if members is None or members.get("over") != policy_digest(named):
        return named
    try:
        return policy_from(members.get("policy"))
    except MalformedError as error:
        raise ConfigurationError(f"{directory / POLICY_FILE} holds no policy: {error}") from error


def write_policy(directory: Path, policy: Policy, *, named: Policy, sign: Sign) -> None:
    """Put a policy in force over the one that the settings name. Raises `ConfigurationError`."""
    members = {"v": VERSION, "over": policy_digest(named), "policy": policy_members(policy)}
    _write(directory / POLICY_FILE, members, sign)


def read_withdrawn(directory: Path, *, key: bytes) -> frozenset[str]:
    """Return the digests (hex) of the releases that no longer count. Raises `ConfigurationError`."""
    members = _read(directory / WITHDRAWN_FILE, key)
    digests = [] if members is None else members.get("releases")
    if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
        raise ConfigurationError(f"{directory / WITHDRAWN_FILE} holds no list of releases")
    return frozenset(digests)


def write_withdrawn(directory: Path, digests: Iterable[str], *, sign: Sign) -> None:
    """Let these releases (digests in hex), and no others, no longer count. Raises `ConfigurationError`."""
    _write(directory / WITHDRAWN_FILE, {"v": VERSION, "releases": sorted(digests)}, sign)


def write_file(path: Path, content: bytes) -> None:
    """Replace a file, whole or not at all, durably. Raises `ConfigurationError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path, members: dict[str, Any], sign: Sign) -> None:
    """Write what is approved with its signature in one file, so that no crash leaves one without the other."""
    text = json.dumps(members, ensure_ascii=False, sort_keys=True)
    signature = b64encode(sign(_LABEL + text.encode()))
    write_file(path, json.dumps({"approved": text, "signature": signature}, indent=1).encode() + b"\n")


def _read(path: Path, key: bytes) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            outer = parse_json(file.read(MAX_BYTES))
        text, signature = outer["approved"], b64decode(outer["signature"])
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _LABEL + text.encode())
        members = parse_json(text.encode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (AttestationError, InvalidSignature, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} was not approved here: its signature by the log key does not hold. Bring it back from a backup, "
            "or remove it to go by the settings again."
        ) from error
    if not isinstance(members, dict) or members.get("v") != VERSION:
        raise ConfigurationError(f"{path} is of another version")
    return members
