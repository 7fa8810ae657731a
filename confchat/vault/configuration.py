"""`gocryptfs.conf`: how the key of a directory is wrapped, and which of gocryptfs' formats it has.

One format is read and written, the one that gocryptfs 2.4 makes without options (2.0 to 2.6 write the same); others
are refused by name. The file is not secret; what it says is authenticated only by a manifest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from attestation.encoding import b64decode_standard, parse_json
from attestation.errors import MalformedError
from confchat.vault.eme import Eme
from confchat.vault.errors import DamagedError, UnsupportedError, WrongKeyError

FILE_NAME = "gocryptfs.conf"
MAX_FILE_BYTES = 64 * 1024
CREATOR = "ConfChat"
VERSION = 2
FLAGS = ("HKDF", "GCMIV128", "DirIV", "EMENames", "LongNames", "Raw64")
KEY_SIZE = SALT_SIZE = 32
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**16, 8, 1

_IV_SIZE, _TAG_SIZE = 16, 16
_CONTENT_INFO = b"AES-GCM file content encryption"
_NAMES_INFO = b"EME filename encryption"
_WRAPPED_AAD = bytes(8)
# What gocryptfs itself insists on; and what a machine of ours is willing to spend: 1 GiB and some seconds.
_LEAST_N, _LEAST_R = 2**10, 8
_MOST_MEMORY, _MOST_P = 2**30, 16
_MEMORY_MARGIN = 2**20
# Flags of other formats, and what each of them means.
_OTHER_FORMATS = {
    "PlaintextNames": "its file names are not encrypted (-plaintextnames)",
    "AESSIV": "its contents are encrypted with AES-SIV (-aessiv, or made by -reverse)",
    "XChaCha20Poly1305": "its contents are encrypted with XChaCha20-Poly1305 (-xchacha)",
    "LongNameMax": "it has a limit of its own for long names (-longnamemax)",
    "FIDO2": "its key lies in a FIDO2 token (-fido2)",
}
_LACKING = {
    "HKDF": "it was made by a gocryptfs before 1.3, without HKDF",
    "GCMIV128": "it was made by a gocryptfs before 0.6, with short IVs",
    "DirIV": "it has the same IV in every directory (-deterministic-names)",
    "EMENames": "it was made by a gocryptfs before 0.5, with another encryption of names",
    "LongNames": "it does not know long names (-longnames=false)",
    "Raw64": "its names are padded (-raw64=false, or a gocryptfs before 1.3)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a `gocryptfs.conf` of the one format says; `wrapped_key` is IV (16), ciphertext (32) and tag (16)."""

    wrapped_key: bytes
    salt: bytes
    n: int
    r: int
    p: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKeys:
    """The two keys of an open directory, in the form in which they are used."""

    content: AESGCM
    names: Eme


def parse_configuration(data: bytes) -> Configuration:
    """Read the file; trusts nothing in it.

    Raises:
        DamagedError: not a gocryptfs.conf.
        UnsupportedError: of another format: said by name.
    """
    try:
        members = parse_json(data)
        version, flags, scrypt = members["Version"], members["FeatureFlags"], members["ScryptObject"]
        _check_format(version, flags)
        configuration = Configuration(
            wrapped_key=b64decode_standard(members["EncryptedKey"]),
            salt=b64decode_standard(scrypt["Salt"]),
            **{name.lower(): _whole_number(scrypt[name]) for name in ("N", "R", "P")},
        )
        _check_sizes(configuration, key_size=_whole_number(scrypt["KeyLen"]))
    except (MalformedError, KeyError, TypeError) as error:
        raise DamagedError(f"{FILE_NAME} is not a configuration of gocryptfs.") from error
    return configuration


def build_configuration(
    password: bytes, *, randomness: Callable[[int], bytes], n: int = SCRYPT_N
) -> tuple[bytes, VaultKeys]:
    """Make a new master key and wrap it under a password; return the file and the keys in use."""
    master, salt, iv = randomness(KEY_SIZE), randomness(SALT_SIZE), randomness(_IV_SIZE)
    bare = Configuration(wrapped_key=b"", salt=salt, n=n, r=SCRYPT_R, p=SCRYPT_P)
    wrapped = iv + AESGCM(_wrapping_key(bare, password)).encrypt(iv, master, _WRAPPED_AAD)
    members = {
        "Creator": CREATOR,
        "EncryptedKey": base64.b64encode(wrapped).decode("ascii"),
        "ScryptObject": {
            "Salt": base64.b64encode(salt).decode("ascii"),
            "N": n,
            "R": SCRYPT_R,
            "P": SCRYPT_P,
            "KeyLen": KEY_SIZE,
        },
        "Version": VERSION,
        "FeatureFlags": list(FLAGS),
    }
    return json.dumps(members, indent="\t").encode() + b"\n", _derive_keys(master)


def unlock(configuration: Configuration, password: bytes) -> VaultKeys:
    """Unwrap the master key with a password, which is the key's bytes exactly; takes some tenths of a second.

    Raises:
        WrongKeyError: another password, or a wrapped key that was changed: the two cannot be told apart.
    """
    wrapping = AESGCM(_wrapping_key(configuration, password))
    iv, wrapped = configuration.wrapped_key[:_IV_SIZE], configuration.wrapped_key[_IV_SIZE:]
    try:
        return _derive_keys(wrapping.decrypt(iv, wrapped, _WRAPPED_AAD))
    except (InvalidTag, ValueError) as error:
        raise WrongKeyError(
            "The key does not open this directory: it is another model's key, or gocryptfs.conf was changed."
        ) from error


def _check_format(version: Any, flags: Any) -> None:
    if version != VERSION:
        raise UnsupportedError(f"Its format has the number {version!r}; {VERSION} is read here.")
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise TypeError
    for flag in flags:
        if flag in _OTHER_FORMATS:
            raise UnsupportedError(f"This directory is not read here: {_OTHER_FORMATS[flag]}.")
        if flag not in FLAGS:
            raise UnsupportedError(f"It has the flag {flag!r}, which is not known here.")
    for flag in FLAGS:
        if flag not in flags:
            raise UnsupportedError(f"This directory is not read here: {_LACKING[flag]}.")


def _check_sizes(configuration: Configuration, *, key_size: int) -> None:
    if len(configuration.wrapped_key) != _IV_SIZE + KEY_SIZE + _TAG_SIZE:
        raise DamagedError(f"The wrapped key in {FILE_NAME} is cut off, or of another kind.")
    n, r, p = configuration.n, configuration.r, configuration.p
    if n < _LEAST_N or n & (n - 1) or r < _LEAST_R or p < 1 or key_size != KEY_SIZE:
        raise UnsupportedError("Its scrypt parameters are weaker than gocryptfs itself accepts.")
    if len(configuration.salt) < SALT_SIZE:
        raise UnsupportedError("Its salt is shorter than gocryptfs itself accepts.")
    if _scrypt_memory(configuration) > _MOST_MEMORY or p > _MOST_P:
        raise UnsupportedError("Its scrypt parameters ask for more memory or time than is given here.")


def _wrapping_key(configuration: Configuration, password: bytes) -> bytes:
    hashed = hashlib.scrypt(
        password,
        salt=configuration.salt,
        n=configuration.n,
        r=configuration.r,
        p=configuration.p,
        maxmem=_scrypt_memory(configuration) + _MEMORY_MARGIN,
        dklen=KEY_SIZE,
    )
    return _expand(hashed, _CONTENT_INFO)


def _scrypt_memory(configuration: Configuration) -> int:
    return 128 * configuration.r * (configuration.n + configuration.p)


def _derive_keys(master: bytes) -> VaultKeys:
    return VaultKeys(content=AESGCM(_expand(master, _CONTENT_INFO)), names=Eme(_expand(master, _NAMES_INFO)))


def _expand(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=info).derive(key)


def _whole_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value
