"""The log's key and its signed notes, held to published examples of C2SP's formats."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.key_files import write_private_key
from attestation.log.checkpoint import Checkpoint, build_vkey, verify_checkpoint
from attestation.log.key import LogKey, create_log_key, load_log_key
from attestation.statement import EMPTY_LOG_ROOT

ORIGIN = "chat.example/attestation-log"
EMPTY = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_LOG_ROOT)
# The verifier key of Go's checksum database, as Go's own source publishes it.
SUM_GOLANG_ORG = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


@pytest.fixture
def key() -> LogKey:
    return LogKey(ORIGIN, Ed25519PrivateKey.generate())


def test_a_published_verifier_key_is_written_as_its_owner_writes_it() -> None:
    assert build_vkey("sum.golang.org", _public_key(SUM_GOLANG_ORG)) == SUM_GOLANG_ORG


def test_an_empty_log_has_size_zero_and_the_hash_of_nothing_for_root(key: LogKey) -> None:
    note = key.sign_checkpoint(EMPTY)
    assert note.startswith(f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— {ORIGIN} ")


def test_a_signed_checkpoint_verifies_under_its_key(key: LogKey) -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=1234, root=bytes(range(32)))
    note = key.sign_checkpoint(checkpoint)
    assert verify_checkpoint(note, origin=ORIGIN, public_key=key.public) == checkpoint


def test_the_signature_line_carries_the_key_id_of_the_verifier_key(key: LogKey) -> None:
    signature = base64.b64decode(key.sign_checkpoint(EMPTY).rstrip("\n").rpartition(" ")[2])
    assert signature[:4].hex() == key.vkey.split("+")[1]
    assert len(signature) == 4 + 64


def test_lines_of_other_keys_are_passed_over(key: LogKey) -> None:
    witness = LogKey("witness.example", Ed25519PrivateKey.generate())
    note = key.sign_checkpoint(EMPTY)
    text = EMPTY.text()
    cosigned = witness.sign_checkpoint(Checkpoint(origin="witness.example", size=0, root=bytes(32)))
    note += cosigned.rpartition("\n\n")[2]
    assert verify_checkpoint(note, origin=ORIGIN, public_key=key.public).text() == text


def test_a_checkpoint_signed_by_another_key_is_refused(key: LogKey) -> None:
    note = LogKey(ORIGIN, Ed25519PrivateKey.generate()).sign_checkpoint(EMPTY)
    with pytest.raises(AppraisalError) as refused:
        verify_checkpoint(note, origin=ORIGIN, public_key=key.public)
    assert refused.value.code == "log_differs"


def test_a_changed_checkpoint_is_refused(key: LogKey) -> None:
    note = key.sign_checkpoint(EMPTY).replace("\n0\n", "\n1\n")
    with pytest.raises(AppraisalError) as refused:
        verify_checkpoint(note, origin=ORIGIN, public_key=key.public)
    assert refused.value.code == "log_differs"


def test_a_checkpoint_of_another_log_is_refused(key: LogKey) -> None:
    note = key.sign_checkpoint(EMPTY)
    with pytest.raises(AppraisalError):
        verify_checkpoint(note, origin="other.example/log", public_key=key.public)


@pytest.mark.parametrize(
    "mutate", [lambda note: note[:-1], lambda note: note.replace("— ", "- "), lambda note: "", str.strip]
)
def test_what_is_not_a_signed_note_is_malformed(key: LogKey, mutate: object) -> None:
    assert callable(mutate)
    with pytest.raises(MalformedError):
        verify_checkpoint(mutate(key.sign_checkpoint(EMPTY)), origin=ORIGIN, public_key=key.public)


def test_a_key_does_not_sign_for_another_log(key: LogKey) -> None:
    with pytest.raises(ConfigurationError):
        key.sign_checkpoint(Checkpoint(origin="other.example/log", size=0, root=bytes(32)))


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak"])
def test_a_name_that_signed_notes_cannot_carry_is_refused(origin: str) -> None:
    with pytest.raises(ConfigurationError):
        LogKey(origin, Ed25519PrivateKey.generate())


def test_a_statement_is_signed_under_the_deployment_label(key: LogKey) -> None:
    signature = key.sign_statement(b"statement")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    public.verify(signature, b"confchat/1 deployment\x00statement")
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"statement")


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.ed25519"
    create_log_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = load_log_key(path, origin=ORIGIN).public
    with pytest.raises(ConfigurationError):
        create_log_key(path)
    assert load_log_key(path, origin=ORIGIN).public == first
    assert [item.name for item in tmp_path.iterdir()] == ["log.ed25519"]


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.ed25519"
    create_log_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError):
        load_log_key(path, origin=ORIGIN)


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.ed25519"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        load_log_key(path, origin=ORIGIN)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.ed25519"
    write_private_key(path, generate_private_key(SECP256R1()))
    with pytest.raises(ConfigurationError):
        load_log_key(path, origin=ORIGIN)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.ed25519"):
        load_log_key(tmp_path / "missing.ed25519", origin=ORIGIN)


def _public_key(vkey: str) -> bytes:
    """Return the 32 bytes of a verifier key; its base64 may itself hold plus signs."""
    return base64.b64decode(vkey.split("+", 2)[2])[1:]
