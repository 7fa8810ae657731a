"""A key broker as its operator configures it: where it is, how it is spoken to, and by what it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from attestation.errors import ConfigurationError, MalformedError
from attestation.members import Members
from attestation.offline import is_loopback
from attestation.services.tls import parse_pin

KeyKind = Literal["EC", "RSA"]
Protocol = Literal["0.1.0", "0.4.0", "auto"]

MOST_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker as its operator configures it.

    Attributes:
        url: its base address: what stands before `/kbs/v0`.
        protocol: its version; `auto` begins with 0.4.0, and takes 0.1.0 where the broker asks for another one.
        key: the kind of key for its answers; 0.1.0 knows RSA alone.
        authorities: a PEM file of the TLS authorities that count, None for the system's.
        tls_pins: SHA-256 of the TLS keys that count, empty for any.
        timeout_s: for each of its answers; `fetch` may take several times as long.
        allows_plain_http: whether it may be reached without TLS on another machine, which is unsafe.
    """

    url: str
    protocol: Protocol
    key: KeyKind
    authorities: Path | None
    tls_pins: tuple[bytes, ...]
    timeout_s: float
    allows_plain_http: bool

    def __post_init__(self) -> None:
        """Refuse what no handshake can be made with. Raises `ConfigurationError`."""
        if self.protocol == "0.1.0" and self.key != "RSA":
            raise ConfigurationError("a key broker of protocol 0.1.0 takes RSA keys alone")


def parse_broker(value: object, *, allows_plain_http: bool) -> Broker:
    """Read a broker's members: url, protocol, key, authorities (or null), tls_pins (hex) and timeout_s.

    Raises:
        ConfigurationError: they are not of their form, or describe nothing that may be asked.
    """
    try:
        members = Members(value)
        authorities = members.text_or_null("authorities")
        broker = Broker(
            url=members.text("url"),
            protocol=members.one_of("protocol", Protocol),
            key=members.one_of("key", KeyKind),
            authorities=None if authorities is None else Path(authorities),
            tls_pins=tuple(parse_pin(text) for text in members.texts("tls_pins")),
            timeout_s=members.integer("timeout_s", limit=MOST_TIMEOUT_S),
            allows_plain_http=allows_plain_http,
        )
    except MalformedError as error:
        raise ConfigurationError(f"this describes no key broker: {error}") from error
    parse_broker_url(broker.url, allows_plain_http=allows_plain_http)
    return broker


def parse_broker_url(url: str, *, allows_plain_http: bool) -> httpx.URL:
    """Read a broker's address; without TLS it must be this machine, unless anything is allowed.

    Raises:
        ConfigurationError: it is no such address, or plain HTTP to another machine.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigurationError(f"{url!r} is not the address of a key broker") from error
    if address.scheme not in ("http", "https") or not address.host or address.query or address.fragment:
        raise ConfigurationError(f"{url!r} is not the address of a key broker")
    if address.userinfo:
        raise ConfigurationError("the address of a key broker has a name or a password in it, which nobody asks for")
    if address.scheme == "http" and not allows_plain_http and not is_loopback(url):
        raise ConfigurationError(f"{url} is reached without TLS: use https, and pin its key")
    return address
