"""The key schedule, the opening and sealed frames."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from attestation.channel import SUITES, KemKey, SealedChannel, choose_suite, generate_kem_key, open_opening
from attestation.errors import ChannelError

STATEMENT = b'{"v":"confchat/1"}'


class Client:
    """The other end, written from the protocol alone."""

    def __init__(self, secret: bytes, sealed: bytes) -> None:
        transcript = hashlib.sha256(STATEMENT).digest()
        prk = hmac.new(hashlib.sha256(transcript + sealed).digest(), secret, hashlib.sha256).digest()
        self.keys = {
            name: (self._expand(prk, name, b"key", 32), self._expand(prk, name, b"iv", 12)) for name in (b"c2s", b"s2c")
        }

    def _expand(self, prk: bytes, direction: bytes, what: bytes, size: int) -> bytes:
        info = b"confchat/1 " + direction + b" " + what + hashlib.sha256(STATEMENT).digest()
        return HKDFExpand(hashes.SHA256(), size, info).derive(prk)

    def _nonce(self, direction: bytes, sequence: int) -> bytes:
        counter = b"\0" * 4 + struct.pack(">Q", sequence)
        return bytes(a ^ b for a, b in zip(self.keys[direction][1], counter, strict=True))

    def seal(self, sequence: int, message: bytes) -> bytes:
        counter = struct.pack(">Q", sequence)
        aad = b"confchat/1 frame\0c2s" + counter
        return counter + AESGCM(self.keys[b"c2s"][0]).encrypt(self._nonce(b"c2s", sequence), message, aad)

    def open(self, frame: bytes) -> bytes:
        (sequence,) = struct.unpack(">Q", frame[:8])
        aad = b"confchat/1 frame\0s2c" + frame[:8]
        return AESGCM(self.keys[b"s2c"][0]).decrypt(self._nonce(b"s2c", sequence), frame[8:], aad)


@pytest.fixture
def ends() -> tuple[SealedChannel, Client]:
    secret, sealed = os.urandom(32), os.urandom(80)
    return SealedChannel(secret=secret, sealed=sealed, statement=STATEMENT), Client(secret, sealed)


def seal_to(key: KemKey, message: bytes, *, statement: bytes = STATEMENT) -> bytes:
    info = b"confchat/1 session\0" + hashlib.sha256(statement).digest()
    if key.suite == "X25519":
        public = x25519.X25519PublicKey.from_public_bytes(key.public)
        return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(message, public, info=info)
    hybrid = MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(key.public[:1184]),
        x25519.X25519PublicKey.from_public_bytes(key.public[1184:]),
    )
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(message, hybrid, info=info)


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_has_the_size_of_its_suite_and_opens_what_is_sealed_to_it(suite: str) -> None:
    key = generate_kem_key(suite)
    assert len(key.public) == SUITES[suite][1]
    assert open_opening(key, sealed=seal_to(key, b"secret"), statement=STATEMENT) == b"secret"


@pytest.mark.parametrize("suite", SUITES)
def test_an_opening_for_another_statement_or_key_or_cut_short_is_refused(suite: str) -> None:
    key, other = generate_kem_key(suite), generate_kem_key(suite)
    sealed = seal_to(key, b"secret")
    with pytest.raises(ChannelError):
        open_opening(key, sealed=sealed, statement=STATEMENT + b" ")
    with pytest.raises(ChannelError):
        open_opening(other, sealed=sealed, statement=STATEMENT)
    for size in (0, 31, 48, len(sealed) - 1):
        with pytest.raises(ChannelError):
            open_opening(key, sealed=sealed[:size], statement=STATEMENT)


def test_the_first_suite_of_the_client_that_the_server_has_is_chosen() -> None:
    assert choose_suite(("P256", "X25519", "MLKEM768-X25519")) == "X25519"
    assert choose_suite(("P256",)) is None


def test_frames_go_both_ways_in_order_and_are_padded(ends: tuple[SealedChannel, Client]) -> None:
    server, client = ends
    for sequence, message in enumerate([b"{}", b"x" * 1024, b"y" * 1025]):
        opened = client.open(server.seal(message))
        assert opened.rstrip(b" ") == message
        assert len(opened) % 1024 == 0
        padded = message.ljust(-(-len(message) // 1024) * 1024)
        assert server.open(client.seal(sequence, padded)) == padded


def test_a_replayed_skipped_or_reordered_frame_is_refused(ends: tuple[SealedChannel, Client]) -> None:
    server, client = ends
    first = client.seal(0, b" " * 1024)
    server.open(first)
    with pytest.raises(ChannelError, match="frame_out_of_order"):
        server.open(first)
    with pytest.raises(ChannelError, match="frame_out_of_order"):
        server.open(client.seal(5, b" " * 1024))


def test_every_changed_byte_of_a_frame_is_noticed() -> None:
    secret, sealed = os.urandom(32), os.urandom(80)
    frame = Client(secret, sealed).seal(0, b" " * 1024)
    for position in range(0, len(frame), 97):
        changed = bytearray(frame)
        changed[position] ^= 1
        with pytest.raises(ChannelError):
            SealedChannel(secret=secret, sealed=sealed, statement=STATEMENT).open(bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 1023, 1025])
def test_a_frame_that_is_not_padded_is_refused(ends: tuple[SealedChannel, Client], size: int) -> None:
    server, client = ends
    with pytest.raises(ChannelError, match="frame_not_padded"):
        server.open(client.seal(0, b" " * size))


def test_a_frame_sent_back_to_its_sender_does_not_open(ends: tuple[SealedChannel, Client]) -> None:
    server, _ = ends
    with pytest.raises(ChannelError):
        server.open(server.seal(b"{}"))
