"""Configurations, names and keys: what is taken, and what is refused in which words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.encoding import b64encode
from confchat.vault import configuration, content
from confchat.vault.configuration import build_configuration, parse_configuration, unlock
from confchat.vault.eme import Eme
from confchat.vault.errors import DamagedError, KeyRefusedError, SourceError, UnsupportedError, WrongKeyError
from confchat.vault.keys import check_strength, new_key, parse_key, read_key, write_key
from confchat.vault.manifest import StoredFile, build_manifest
from confchat.vault.names import decrypt_name, encrypt_name
from tests.vault.scene import KEY

CONFIGURATION, _ = build_configuration(KEY, randomness=os.urandom, n=1024)
NAMES, IV = Eme(b"k" * 32), b"i" * 16


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    members = json.loads(CONFIGURATION)
    change(members)
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m["FeatureFlags"].append("Quantum"), "the flag 'Quantum', which is not known"),
        (lambda m: m["FeatureFlags"].append("FIDO2"), "its key lies in a FIDO2 token"),
        (lambda m: m["FeatureFlags"].append("LongNameMax"), "a limit of its own for long names"),
        (lambda m: m["FeatureFlags"].remove("Raw64"), "names are padded"),
        (lambda m: m["FeatureFlags"].remove("HKDF"), "without HKDF"),
        (lambda m: m["FeatureFlags"].remove("LongNames"), "does not know long names"),
        (lambda m: m["FeatureFlags"].remove("EMENames"), "another encryption of names"),
        (lambda m: m["FeatureFlags"].remove("GCMIV128"), "short IVs"),
        (lambda m: m.update(Version=3), "the number 3; 2 is read here"),
        (lambda m: m["ScryptObject"].update(N=512), "weaker than gocryptfs itself accepts"),
        (lambda m: m["ScryptObject"].update(N=2**28), "more memory or time"),
        (lambda m: m["ScryptObject"].update(Salt="AAAA"), "salt is shorter"),
    ],
)
def test_a_configuration_of_another_kind_is_refused(change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(UnsupportedError, match=sentence):
        parse_configuration(changed(change))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"{}", b"null", CONFIGURATION[:-20], CONFIGURATION.replace(b'"N"', b'"M"')),
        *(changed(lambda m: m.update(EncryptedKey="AAAA")), changed(lambda m: m.update(FeatureFlags="HKDF"))),
        *(changed(lambda m: m.update(ScryptObject=None)), changed(lambda m: m["ScryptObject"].update(N=True))),
    ],
)
def test_what_is_no_configuration_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedError):
        parse_configuration(data)


def test_a_changed_wrapped_key_opens_nothing() -> None:
    parsed = parse_configuration(CONFIGURATION)
    unlock(parsed, KEY)
    with pytest.raises(WrongKeyError):
        unlock(parsed, KEY[:-1])
    with pytest.raises(WrongKeyError):
        unlock(
            parse_configuration(
                CONFIGURATION.replace(json.loads(CONFIGURATION)["ScryptObject"]["Salt"].encode(), b"A" * 43 + b"=")
            ),
            KEY,
        )


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_names_come_back(name: str) -> None:
    if name not in (".", ".."):
        assert decrypt_name(encrypt_name(name, cipher=NAMES, directory_iv=IV), cipher=NAMES, directory_iv=IV) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "nul\0", "x" * 256])
def test_a_name_that_no_file_may_have_is_never_written(name: str) -> None:
    with pytest.raises(SourceError):
        encrypt_name(name, cipher=NAMES, directory_iv=IV)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc/passwd", "/", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    padding = 16 - len(name) % 16
    stored = NAMES.encrypt(name.encode() + bytes([padding]) * padding, tweak=IV)
    with pytest.raises(DamagedError, match="lead out of its directory"):
        decrypt_name(b64encode(stored), cipher=NAMES, directory_iv=IV)


@given(st.text(alphabet="ABCabc_-=+/123", max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_other_name_is_taken(stored: str) -> None:
    with pytest.raises(DamagedError):
        decrypt_name(stored, cipher=NAMES, directory_iv=IV)


@pytest.mark.parametrize("plain", [0, 1, 4095, 4096, 4097, 8192, 10_000_000])
def test_sizes_come_back(plain: int) -> None:
    assert content.plain_size(content.stored_size(plain), name="it") == plain


@pytest.mark.parametrize("stored", [1, 17, 18, 19, 50, 18 + 4128 + 1, 18 + 4128 + 32])
def test_a_size_that_no_file_has_is_a_cut(stored: int) -> None:
    with pytest.raises(DamagedError, match="it is cut off"):
        content.plain_size(stored, name="it")


def test_a_random_key_is_strong_and_comes_back(tmp_path: Path) -> None:
    key = new_key(os.urandom)
    check_strength(key)
    write_key(tmp_path / "key", key)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "key") == key
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyRefusedError, match="readable by others"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize("random_bytes", [16, 24, 32])
def test_random_hex_is_strong(random_bytes: int) -> None:
    for _ in range(50):
        check_strength(os.urandom(random_bytes).hex().encode())


@pytest.mark.parametrize(
    "key",
    [
        *(b"alibaba@1688", b"test", b"A" * 40, b"abcabcabcabcabcabcabcabcabc", b"1234567890qwertyuiopasdf"),
        *(b"password1234password1234", b"abcdefghijklmnopqrstuvwxyz", b"correct horse battery staple"),
    ],
)
def test_a_key_that_somebody_thought_up_is_refused(key: bytes) -> None:
    with pytest.raises(KeyRefusedError, match="The key is weak"):
        check_strength(key)


@pytest.mark.parametrize("data", [b"", b"\n", b"two\nlines", b"nul\0", b"x" * 2049])
def test_what_gocryptfs_would_read_otherwise_is_no_key(data: bytes) -> None:
    with pytest.raises(KeyRefusedError):
        parse_key(data)


def test_one_line_end_is_not_part_of_a_key() -> None:
    assert parse_key(b"alibaba@1688\n") == parse_key(b"alibaba@1688") == b"alibaba@1688"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a//b", "a/./b", "a\\b", "a\0b", "x" * 5000, "\ud800"])
def test_a_manifest_names_no_path_that_leads_elsewhere(path: str) -> None:
    file = StoredFile(path=path, size=1, sha256="0" * 64)
    with pytest.raises(UnsupportedError, match="No manifest can be made"):
        build_manifest([file], kind="sam", created_at=0)


def test_the_flags_are_those_of_gocryptfs_without_options() -> None:
    assert set(json.loads(CONFIGURATION)["FeatureFlags"]) == set(configuration.FLAGS)
