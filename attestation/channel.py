"""The sealed channel of docs/PROTOCOL.md section 4, both ends of it: KEM keys, key schedule, frames. Pure."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from attestation.errors import ChannelError, MalformedError

SECRET_SIZE = 32
PAD_SIZE = 1024
MAX_FRAMES = 2**24
SEQUENCE_SIZE = 8
TAG_SIZE = 16
MLKEM768_PUBLIC_SIZE = 1184  # FIPS 203, table 3

_SESSION_LABEL = b"confchat/1 session\x00"
_FRAME_LABEL = b"confchat/1 frame\x00"
_SEQUENCE: Final = struct.Struct(">Q")

# suite name -> (KEM, bytes of `kem_key`, bytes of `enc`)
SUITES: Final = {
    "MLKEM768-X25519": (KEM.MLKEM768_X25519, 1216, 1120),
    "X25519": (KEM.X25519, 32, 32),
}


@dataclass(frozen=True, slots=True)
class KemKey:
    """The private key of one handshake; `public` is the `kem_key` of the wire."""

    suite: str
    private: x25519.X25519PrivateKey | MLKEM768X25519PrivateKey
    public: bytes

    @property
    def public_sha256(self) -> bytes:
        return hashlib.sha256(self.public).digest()


def choose_suite(offered: tuple[str, ...]) -> str | None:
    """Return the first suite of the client's list that this server has."""
    return next((suite for suite in offered if suite in SUITES), None)


def generate_kem_key(suite: str) -> KemKey:
    """Make a key pair for one handshake in a suite of `SUITES`."""
    x25519_key = x25519.X25519PrivateKey.generate()
    x25519_public = x25519_key.public_key().public_bytes_raw()
    if suite == "X25519":
        return KemKey(suite, x25519_key, x25519_public)
    mlkem_key = mlkem.MLKEM768PrivateKey.generate()
    public = mlkem_key.public_key().public_bytes_raw() + x25519_public
    return KemKey(suite, MLKEM768X25519PrivateKey(mlkem_key, x25519_key), public)


def open_opening(key: KemKey, *, sealed: bytes, statement: bytes) -> bytes:
    """Open what a client sealed to `key`: `sealed` is enc || ciphertext. Parses nothing.

    Raises:
        ChannelError: too short, or not sealed to this key for this statement.
    """
    kem, _, enc_size = SUITES[key.suite]
    if len(sealed) < enc_size + TAG_SIZE:
        raise ChannelError("opening_malformed")
    info = _SESSION_LABEL + hashlib.sha256(statement).digest()
    try:
        return Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM).decrypt(sealed, key.private, info=info)
    except (InvalidTag, ValueError) as error:
        raise ChannelError("opening_malformed") from error


def seal_opening(opening: bytes, *, suite: str, kem_key: bytes, statement: bytes) -> bytes:
    """Seal an opening to the `kem_key` of evidence; return enc || ciphertext. Verifies nothing of the evidence.

    Raises:
        MalformedError: not a key of this suite.
    """
    kem = SUITES[suite][0]
    info = _SESSION_LABEL + hashlib.sha256(statement).digest()
    try:
        return Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(opening, _public_key(suite, kem_key), info=info)
    except ValueError as error:
        raise MalformedError(f"the key to seal to is none of {suite}") from error


def _public_key(suite: str, data: bytes) -> x25519.X25519PublicKey | MLKEM768X25519PublicKey:
    if suite == "X25519":
        return x25519.X25519PublicKey.from_public_bytes(data)
    return MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(data[:MLKEM768_PUBLIC_SIZE]),
        x25519.X25519PublicKey.from_public_bytes(data[MLKEM768_PUBLIC_SIZE:]),
    )


class _Direction:
    """One direction of a channel: its key, its base nonce and the next sequence number."""

    __slots__ = ("_aead", "_iv", "_label", "sequence")

    def __init__(self, prk: bytes, transcript: bytes, name: bytes) -> None:
        self._aead = AESGCM(_expand(prk, b"confchat/1 " + name + b" key" + transcript, 32))
        self._iv = int.from_bytes(_expand(prk, b"confchat/1 " + name + b" iv" + transcript, 12), "big")
        self._label = _FRAME_LABEL + name
        self.sequence = 0

    def next(self) -> tuple[bytes, bytes, bytes, AESGCM]:
        """Return (sequence bytes, nonce, AAD, cipher) of the next frame, and count it."""
        if self.sequence >= MAX_FRAMES:
            raise ChannelError("session_ended")
        counter = _SEQUENCE.pack(self.sequence)
        nonce = (self._iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return counter, nonce, self._label + counter, self._aead


class SealedChannel:
    """The server's end of one session: seals towards the client, opens what the client sealed."""

    _names: ClassVar = (b"c2s", b"s2c")  # of what comes in, and of what goes out

    def __init__(self, *, secret: bytes, sealed: bytes, statement: bytes) -> None:
        transcript = hashlib.sha256(statement).digest()
        prk = hmac.digest(hashlib.sha256(transcript + sealed).digest(), secret, "sha256")
        self._incoming, self._outgoing = (_Direction(prk, transcript, name) for name in self._names)

    def seal(self, message: bytes) -> bytes:
        """Pad JSON with spaces to a multiple of 1024 bytes and seal it as the next frame."""
        counter, nonce, aad, cipher = self._outgoing.next()
        return counter + cipher.encrypt(nonce, message + b" " * (-len(message) % PAD_SIZE), aad)

    def open(self, frame: bytes) -> bytes:
        """Open the other end's next frame; return its padded JSON.

        Raises:
            ChannelError: out of order, repeated, changed, of another session or not padded.
        """
        counter, nonce, aad, cipher = self._incoming.next()
        if frame[:SEQUENCE_SIZE] != counter:
            raise ChannelError("frame_out_of_order")
        try:
            message = cipher.decrypt(nonce, frame[SEQUENCE_SIZE:], aad)
        except (InvalidTag, ValueError) as error:
            raise ChannelError("frame_not_genuine") from error
        if not message or len(message) % PAD_SIZE:
            raise ChannelError("frame_not_padded")
        return message


class ClientChannel(SealedChannel):
    """The client's end of one session: seals towards the server, opens what the server sealed."""

    _names = (b"s2c", b"c2s")


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=info).derive(prk)
