from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.errors import AppraisalError, MalformedError
from attestation.pki import (
    INTEL_ROOT_CA,
    INTEL_ROOT_CA_SHA256,
    PCK_CA_CHAIN,
    PCK_CHAIN,
    TCB_SIGNING_CHAIN,
    Role,
    check_chain_dates,
    parse_certificate,
    parse_chain,
    verify_chain,
    verify_crl,
)
from attestation.signatures import has_signed, parse_public_key
from attestation.simulator.pki import raw_public_key, sign_raw
from tests.cases.scene import COLLATERAL, CREATED_AT, ISSUED_AT, NOW, OTHER_PLATFORM, PLATFORM

PKI = PLATFORM.pki
PEM = PKI.pck.chain_pem().encode()
LEAF, CA, ROOT = (certificate.public_bytes(Encoding.DER) for certificate in PKI.pck.chain())
REVOKED_CRL = PLATFORM.collateral(ISSUED_AT, revoked={"pck"}).pck_crl
DERS = {"leaf": LEAF, "CA": CA, "root": ROOT, "Intel's root": INTEL_ROOT_CA}


def test_intels_root_is_the_published_one() -> None:
    assert (len(INTEL_ROOT_CA), hashlib.sha256(INTEL_ROOT_CA).digest()) == (659, INTEL_ROOT_CA_SHA256)
    assert INTEL_ROOT_CA_SHA256.hex() == "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
    root = parse_certificate(INTEL_ROOT_CA)
    assert (root.common_name, root.is_ca, root.signs_certificates, root.signs_crls) == (
        "Intel SGX Root CA",
        True,
        True,
        True,
    )


def test_a_good_chain_is_verified() -> None:
    chain = parse_chain(PEM, PCK_CHAIN)
    verify_chain(chain, PCK_CHAIN, root=PLATFORM.root_der)
    check_chain_dates(chain, now=NOW)
    assert [certificate.der for certificate in chain] == [LEAF, CA, ROOT]


def test_real_chains_lead_to_intels_root(shared_vectors: Path) -> None:
    for path in sorted((shared_vectors / "quotes").glob("*.quote.bin")):
        raw = path.read_bytes()
        chain = parse_chain(raw[raw.index(b"-----BEGIN") :].rstrip(b"\0"), PCK_CHAIN)
        verify_chain(chain, PCK_CHAIN, root=INTEL_ROOT_CA)
        with pytest.raises(AppraisalError) as caught:
            verify_chain(chain, PCK_CHAIN, root=PLATFORM.root_der)
        assert caught.value.code == "chain_root"


def test_a_root_of_the_same_name_is_not_the_root() -> None:
    """Intel's own test roots are all named alike."""
    chain = parse_chain(PEM, PCK_CHAIN)
    other = OTHER_PLATFORM.pki.root.certificate
    assert other.subject == PKI.root.certificate.subject
    with pytest.raises(AppraisalError) as caught:
        verify_chain(chain, PCK_CHAIN, root=other.public_bytes(Encoding.DER))
    assert caught.value.code == "chain_root"


@pytest.mark.parametrize("change", [b"\n\n", b" ", b"\0", b"# comment\n", b"-----BEGIN CERTIFICATE-----\n"])
def test_nothing_may_stand_between_behind_or_before_certificates(change: bytes) -> None:
    end = b"-----END CERTIFICATE-----\n"
    for pem in (change + PEM, PEM + change, PEM.replace(end, end + change, 1)):
        with pytest.raises(MalformedError):
            parse_chain(pem, PCK_CHAIN)


def test_lines_may_end_as_windows_ends_them_and_the_last_not_at_all() -> None:
    expected = parse_chain(PEM, PCK_CHAIN)
    for pem in (PEM.replace(b"\n", b"\r\n"), PEM.removesuffix(b"\n")):
        assert [each.der for each in parse_chain(pem, PCK_CHAIN)] == [each.der for each in expected]


@pytest.mark.parametrize("roles", [PCK_CHAIN, PCK_CA_CHAIN, TCB_SIGNING_CHAIN])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_a_chain_has_as_many_certificates_as_roles(roles: tuple[Role, ...], count: int) -> None:
    pem = pem_of(*(LEAF, CA, ROOT, ROOT)[:count])
    if count == len(roles):
        assert len(parse_chain(pem, roles)) == count
    else:
        with pytest.raises(MalformedError):
            parse_chain(pem, roles)


def pem_of(*ders: bytes) -> bytes:
    certificates = (x509.load_der_x509_certificate(der) for der in ders)
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def test_base64_has_one_form() -> None:
    """The last digit of padded base64 has bits that stand for nothing; they must be zero."""
    head, body, *rest = pem_of(next(der for der in DERS.values() if len(der) % 3 == 2)).split(b"\n", 1)
    padded, end = body.rsplit(b"=\n", 1)
    assert len(parse_chain(head + b"\n" + body, PCK_CHAIN[:1])) == 1
    assert not rest
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = digits[digits.index(padded[-1]) + 1]
    with pytest.raises(MalformedError):
        parse_chain(head + b"\n" + padded[:-1] + bytes([other]) + b"=\n" + end, PCK_CHAIN[:1])


@pytest.mark.parametrize("name", DERS)
def test_every_truncation_and_appended_byte_of_a_certificate_is_malformed(name: str) -> None:
    der = DERS[name]
    for size in range(len(der)):
        with pytest.raises(MalformedError):
            parse_certificate(der[:size])
    for byte in range(256):
        with pytest.raises(MalformedError):
            parse_certificate(der + bytes([byte]))


def test_every_flipped_bit_of_a_certificate_breaks_the_chain() -> None:
    """Whatever bit it is: the certificate cannot be read, or the one above did not sign it."""
    ca = parse_certificate(CA)
    for position in range(len(LEAF)):
        flipped = LEAF[:position] + bytes([LEAF[position] ^ 1 << position % 8]) + LEAF[position + 1 :]
        try:
            leaf = parse_certificate(flipped)
        except MalformedError:
            continue
        with pytest.raises(AppraisalError) as caught:
            verify_chain((leaf, ca, parse_certificate(ROOT)), PCK_CHAIN, root=ROOT)
        assert caught.value.code == "chain_signature"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(DERS)), st.integers(0, 1100), st.binary(max_size=4), st.integers(0, 4))
def test_damaged_certificates_raise_nothing_else(name: str, position: int, put: bytes, cut: int) -> None:
    der = DERS[name]
    try:
        parse_certificate(der[:position] + put + der[position + cut :])
    except MalformedError:
        return


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(PEM)), st.binary(max_size=4), st.integers(0, 70))
def test_damaged_chains_raise_nothing_else(position: int, put: bytes, cut: int) -> None:
    try:
        parse_chain(PEM[:position] + put + PEM[position + cut :], PCK_CHAIN)
    except MalformedError:
        return


def test_a_crl_names_what_is_revoked() -> None:
    issuer = parse_certificate(CA)
    crl = verify_crl(REVOKED_CRL, issuer=issuer)
    assert crl.revoked == {PKI.pck.certificate.serial_number}
    assert (crl.this_update, crl.next_update) == (ISSUED_AT, ISSUED_AT + timedelta(days=30))
    assert verify_crl(COLLATERAL.pck_crl, issuer=issuer).revoked == frozenset()


def test_every_truncation_and_appended_byte_of_a_crl_is_malformed() -> None:
    issuer = parse_certificate(CA)
    damaged = [REVOKED_CRL[:size] for size in range(len(REVOKED_CRL))]
    for der in (*damaged, *(REVOKED_CRL + bytes([byte]) for byte in range(256))):
        with pytest.raises(AppraisalError) as caught:
            verify_crl(der, issuer=issuer)
        assert caught.value.code == "crl_malformed"


def test_every_flipped_bit_of_a_crl_is_noticed() -> None:
    issuer = parse_certificate(CA)
    for position in range(len(REVOKED_CRL)):
        flipped = bytes([REVOKED_CRL[position] ^ 1 << position % 8])
        with pytest.raises(AppraisalError) as caught:
            verify_crl(REVOKED_CRL[:position] + flipped + REVOKED_CRL[position + 1 :], issuer=issuer)
        assert caught.value.code in ("crl_malformed", "crl_signature")


def test_a_crl_without_an_end_is_malformed() -> None:
    """`cryptography` builds none, so the nextUpdate is cut out of one; it is read before the signature is."""
    end = (ISSUED_AT + timedelta(days=30)).strftime("%y%m%d%H%M%SZ").encode()
    tbs, rest = take_sequence(take_sequence(COLLATERAL.pck_crl)[0])
    shorter = sequence(sequence(tbs.replace(b"\x17\x0d" + end, b"")) + rest)
    assert x509.load_der_x509_crl(shorter).next_update_utc is None
    with pytest.raises(AppraisalError) as caught:
        verify_crl(shorter, issuer=parse_certificate(CA))
    assert caught.value.code == "crl_malformed"


def take_sequence(der: bytes) -> tuple[bytes, bytes]:
    """Return the content of a DER sequence, and what follows it."""
    start = 2 + max(0, der[1] - 0x80)
    end = start + (int.from_bytes(der[2:start], "big") if start > 2 else der[1])
    return der[start:end], der[end:]


def sequence(content: bytes) -> bytes:
    """Return a DER sequence of 128 to 65535 bytes."""
    size = len(content).to_bytes(2, "big").lstrip(b"\0")
    return bytes([0x30, 0x80 + len(size)]) + size + content


def test_a_critical_extension_of_an_entry_is_malformed() -> None:
    """An entry of an indirect CRL (RFC 5280 section 5.3.3) would speak of another authority's certificate."""
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(PKI.pck.certificate.serial_number)
        .revocation_date(ISSUED_AT)
        .add_extension(x509.CertificateIssuer([x509.DirectoryName(PKI.root.certificate.subject)]), critical=True)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(PKI.pck_ca.certificate.subject)
    builder = builder.last_update(ISSUED_AT).next_update(NOW).add_revoked_certificate(entry)
    der = builder.sign(PKI.pck_ca.key, SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(AppraisalError) as caught:
        verify_crl(der, issuer=parse_certificate(CA))
    assert caught.value.code == "crl_malformed"


@pytest.mark.parametrize("edge", ["first", "last"])
def test_a_certificate_is_valid_from_its_first_to_its_last_second(edge: str) -> None:
    chain = parse_chain(PEM, PCK_CHAIN)
    moment, step = (CREATED_AT, -1) if edge == "first" else (chain[0].not_after, 1)
    check_chain_dates(chain, now=moment)
    with pytest.raises(AppraisalError) as caught:
        check_chain_dates(chain, now=moment + timedelta(seconds=step))
    assert caught.value.code == "chain_validity"


def test_signatures_are_raw_and_over_the_exact_bytes() -> None:
    key, data = PKI.pck.key, b"what was signed"
    signature, public = sign_raw(key, data), parse_public_key(raw_public_key(key))
    assert has_signed(public, signature, data)
    assert not has_signed(public, signature, data + b"\0")
    assert not has_signed(None, signature, data)
    for wrong in (b"", bytes(64), signature[:-1], signature + b"\0", signature[32:] + signature[:32], b"\xff" * 64):
        assert not has_signed(public, wrong, data)


@pytest.mark.parametrize("raw", [b"", bytes(64), b"\x01" * 64, b"\xff" * 64, bytes(63), bytes(65)])
def test_a_key_off_the_curve_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_public_key(raw)
