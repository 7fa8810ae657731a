"""Whose tokens count, and how they are written: an attestation service as somebody pins it. Nothing has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from attestation.errors import ConfigurationError, MalformedError
from attestation.members import Members, unhex

TokenForm = Literal["ear", "simple", "oidc", "trust-authority"]

ALGORITHMS = ("ES256", "RS256", "RS384", "PS384")
LEEWAY_S = 120
SHORT_LIFETIME_S = 3600
# Alibaba's service writes tokens that hold for six hours; a longer life than a day is nobody's.
MAX_LIFETIME_S = 86_400
MAX_KEYS = 16
_DIGEST_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """An attestation service whose tokens count.

    Attributes:
        name: what the person who pins calls it.
        form: how its claims are written: `ear` (Trustee since 0.11, and the embedded service), `simple` (Trustee's
            older one), `oidc` (Alibaba Cloud's), `trust-authority` (Intel's, versions 1 and 2).
        issuer, audience: what `iss` and `aud` must be; None where its tokens have no such member.
        algorithm: one of `ALGORITHMS` (RFC 7518 section 3).
        keys: its public keys (JWK), any of which may have signed.
        root_sha256: SHA-256 of root certificates (DER) under which it may present a key of its own (`x5c`).
        policies: ids of policies that a token must say it was judged by; empty asks for none.
        max_lifetime_s: the longest time between `iat` and `exp`.
        leeway_s: what is allowed on every time.
    """

    name: str
    form: TokenForm
    issuer: str | None
    audience: str | None
    algorithm: str
    keys: tuple[Mapping[str, Any], ...]
    root_sha256: tuple[bytes, ...]
    policies: tuple[str, ...]
    max_lifetime_s: int
    leeway_s: int

    def pins(self) -> tuple[str, ...]:
        """Return a text for each key and root; two services with one in common are not two opinions."""
        names = ("crv", "e", "kty", "n", "x", "y")
        keys = ("/".join(f"{name}={key.get(name)}" for name in names) for key in self.keys)
        return (*keys, *(digest.hex() for digest in self.root_sha256))

    def to_members(self) -> dict[str, Any]:
        """Return the JSON form, in which issuers are pinned and published."""
        return {
            "name": self.name,
            "form": self.form,
            "issuer": self.issuer,
            "audience": self.audience,
            "algorithm": self.algorithm,
            "keys": [dict(key) for key in self.keys],
            "root_sha256": [digest.hex() for digest in self.root_sha256],
            "policies": list(self.policies),
            "max_lifetime_s": self.max_lifetime_s,
        }


def parse_issuer(value: object) -> TokenIssuer:
    """Read the JSON form; the leeway is this program's own.

    Raises:
        MalformedError: a member is missing or not of its form.
        ConfigurationError: nothing is pinned, or what no service writes.
    """
    members = Members(value)
    form, algorithm = members.text("form"), members.text("algorithm")
    keys, digests = members.objects("keys"), members.texts("root_sha256")
    if not 0 < len(keys) + len(digests) <= MAX_KEYS:
        raise ConfigurationError(
            "an attestation service needs a pinned key or root: without one nothing it says counts"
        )
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"tokens signed {algorithm} are not supported")
    return TokenIssuer(
        name=members.text("name"),
        form=_form(form),
        issuer=members.text_or_null("issuer"),
        audience=members.text_or_null("audience"),
        algorithm=algorithm,
        keys=tuple(key.as_dict() for key in keys),
        root_sha256=tuple(_digest(text) for text in digests),
        policies=tuple(members.texts("policies")),
        max_lifetime_s=members.integer("max_lifetime_s", limit=MAX_LIFETIME_S),
        leeway_s=LEEWAY_S,
    )


def _form(text: str) -> TokenForm:
    for form in get_args(TokenForm):
        if form == text:
            return form  # type: ignore[no-any-return]
    raise MalformedError(f"{text} is no known form of tokens")


def _digest(text: str) -> bytes:
    digest = unhex(text)
    if len(digest) != _DIGEST_SIZE:
        raise MalformedError("a pinned root is SHA-256 in hex")
    return digest
