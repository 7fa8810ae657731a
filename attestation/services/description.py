"""A remote attestation service as its operator describes it in a file: where it is, how it is asked, what is pinned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx

from attestation.encoding import parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.issuer import TokenForm, TokenIssuer, parse_issuer
from attestation.members import Members
from attestation.services.alibaba import AlibabaDialect
from attestation.services.caller import ServiceCaller
from attestation.services.remote import Dialect, RemoteVerifier
from attestation.services.tls import build_transport, parse_pin
from attestation.services.trust_authority import Access, QuoteSource, TrustAuthorityDialect, Version
from attestation.services.trustee import Era, TrusteeDialect
from attestation.services.verdict import VerifierInfo

Kind = Literal["trustee", "alibaba", "trust-authority"]

MAX_FILE_BYTES = 256 * 1024
MOST_TIMEOUT_S = 60
_FORMS: dict[Kind, tuple[TokenForm, ...]] = {
    "trustee": ("ear", "simple"),
    "alibaba": ("oidc",),
    "trust-authority": ("trust-authority",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One service. `token` is what is pinned; its `policies` are also what the service is asked to judge by.

    Attributes:
        era: Trustee's dialect; `auto` finds out.
        version: Intel Trust Authority's API version.
        keys_url: where Intel Trust Authority publishes its certificates, None where a key is pinned.
        api_key_file: the file with Intel Trust Authority's API key, None for other kinds.
        authorities: a PEM file of the TLS authorities that count, None for the system's.
        tls_pins: SHA-256 of the TLS keys that count, empty for any.
    """

    kind: Kind
    url: str
    token: TokenIssuer
    era: Era
    version: Version
    keys_url: str | None
    api_key_file: Path | None
    authorities: Path | None
    tls_pins: tuple[bytes, ...]
    timeout_s: int

    def to_members(self) -> dict[str, Any]:
        """Return the members of the file."""
        return {
            "kind": self.kind,
            "url": self.url,
            "token": self.token.to_members(),
            "era": self.era,
            "version": self.version,
            "keys_url": self.keys_url,
            "api_key_file": None if self.api_key_file is None else str(self.api_key_file),
            "authorities": None if self.authorities is None else str(self.authorities),
            "tls_pins": [pin.hex() for pin in self.tls_pins],
            "timeout_s": self.timeout_s,
        }


def read_description(path: Path) -> Description:
    """Read a service's file.

    Raises:
        ConfigurationError: missing, not of its form, or nothing that could be asked; the sentence says what.
    """
    try:
        data = path.read_bytes()[:MAX_FILE_BYTES]
    except OSError as error:
        raise ConfigurationError(f"the attestation service {path.stem} is not described: {error.strerror}") from error
    try:
        return parse_description(parse_json(data))
    except (MalformedError, ConfigurationError) as error:
        raise ConfigurationError(f"{path} does not describe an attestation service: {error}") from error


def parse_description(value: object) -> Description:
    """Read a description's members. Raises `MalformedError`, `ConfigurationError`."""
    members = Members(value)
    kind: Kind = members.one_of("kind", Kind)
    token = parse_issuer(members.nested("token").as_dict())
    if token.form not in _FORMS[kind]:
        raise ConfigurationError(f"a service of the kind {kind} writes no tokens of the form {token.form}")
    if token.form == "ear" and len(token.policies) > 1:
        raise ConfigurationError("such a service judges by one policy at a time")
    return Description(
        kind=kind,
        url=members.text("url"),
        token=token,
        era=members.one_of("era", Era),
        version=members.one_of("version", Version),
        keys_url=members.text_or_null("keys_url"),
        api_key_file=_path(members, "api_key_file"),
        authorities=_path(members, "authorities"),
        tls_pins=tuple(parse_pin(text) for text in members.texts("tls_pins")),
        timeout_s=members.integer("timeout_s", limit=MOST_TIMEOUT_S),
    )


def build_verifier(
    described: Description,
    *,
    clock: Callable[[], datetime],
    quote: QuoteSource | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteVerifier:
    """Return the verifier that a description describes; `transport` stands in for the network.

    Args:
        quote: makes quotes of this machine over 64 bytes; None where there is evidence and no machine.

    Raises:
        ConfigurationError: the address is none, or a file that it names cannot be used.
    """

    def caller(url: str) -> ServiceCaller:
        way = transport or build_transport(authorities=described.authorities, pins=described.tls_pins)
        return ServiceCaller(url, transport=way, timeout_s=described.timeout_s)

    info = VerifierInfo.of(described.token, kind=described.kind, url=described.url)
    return RemoteVerifier(_dialect(described, caller, quote), info=info, issuer=described.token, clock=clock)


def _dialect(described: Description, caller: Callable[[str], ServiceCaller], quote: QuoteSource | None) -> Dialect:
    token, policies = described.token, described.token.policies
    if described.kind == "trustee":
        return TrusteeDialect(caller(described.url), issuer=token, era=described.era, policy_ids=policies)
    if described.kind == "alibaba":
        return AlibabaDialect(caller(described.url), issuer=token, policy_ids=policies)
    return TrustAuthorityDialect(
        caller(described.url),
        keys=None if described.keys_url is None else caller(described.keys_url),
        access=Access(version=described.version, api_key=_read_api_key(described.api_key_file)),
        issuer=token,
        policy_ids=policies,
        quote=quote,
    )


def _read_api_key(path: Path | None) -> str:
    if path is None:
        raise ConfigurationError("Intel Trust Authority needs an API key: api_key_file names the file")
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the API key in {path} cannot be read") from error
    if not key.isascii() or not key.isprintable() or not key:
        raise ConfigurationError(f"{path} holds no API key")
    return key


def _path(members: Members, name: str) -> Path | None:
    text = members.text_or_null(name)
    return None if text is None else Path(text)
