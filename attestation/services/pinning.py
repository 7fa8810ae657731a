"""`pin`: fetch an attestation service's keys once, show them, and write the file by which it is known from then on.

What is fetched is only as good as TLS on that day: the digests are printed to be compared with what the service's
operator says elsewhere. A running server fetches no new pins by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attestation.encoding import b64decode_standard, parse_json
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.issuer import SHORT_LIFETIME_S
from attestation.services.caller import ServiceCaller
from attestation.services.description import Description, parse_description
from attestation.services.tls import build_transport
from attestation.services.verdict import ServiceError

# What each kind is unless something else is said: where its keys are, and how its tokens are written.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "trustee": {
        "keys_url": "{url}/.well-known/jwks.json",
        "form": "ear",
        "algorithm": "ES256",
        "issuer": None,
        "audience": None,
        "max_lifetime_s": SHORT_LIFETIME_S,
    },
    "alibaba": {
        "keys_url": "{url}/jwks.json",
        "form": "oidc",
        "algorithm": "RS256",
        "issuer": "{url}",
        "audience": "{url}",
        "max_lifetime_s": 6 * SHORT_LIFETIME_S,
    },
    "trust-authority": {
        "keys_url": "https://portal.trustauthority.intel.com/certs",
        "form": "trust-authority",
        "algorithm": "PS384",
        "issuer": "https://portal.trustauthority.intel.com",
        "audience": None,
        "max_lifetime_s": SHORT_LIFETIME_S,
    },
}
_TIMEOUT_S = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("kind", choices=sorted(_DEFAULTS), help="what kind of service it is")
    parser.add_argument("url", metavar="URL", help="its address, without the path of its interface")
    parser.add_argument("--file", type=Path, required=True, help="the file to write; its name is the service's")
    parser.add_argument("--keys", metavar="URL|FILE", help="where its public keys are (JWKS); each kind has a place")
    parser.add_argument(
        "--form", choices=("ear", "simple", "oidc", "trust-authority"), help="how its tokens are written"
    )
    parser.add_argument("--algorithm", help="how its tokens are signed: ES256, RS256, RS384 or PS384")
    parser.add_argument("--issuer", help="what its tokens name as `iss`; empty for none")
    parser.add_argument("--audience", help="what its tokens name as `aud`; empty for none")
    parser.add_argument("--policy", action="append", metavar="ID", help="a policy that it shall judge by")
    parser.add_argument("--era", choices=("auto", "0.13", "0.14"), default="auto", help="Trustee's dialect")
    parser.add_argument("--version", choices=("v1", "v2"), default="v2", help="Intel Trust Authority's API")
    parser.add_argument("--api-key-file", type=Path, help="Intel Trust Authority's API key")
    parser.add_argument(
        "--authorities", type=Path, help="the TLS authorities that count (PEM), instead of the system's"
    )
    parser.add_argument("--tls-pin", action="append", metavar="HEX", help="SHA-256 of its TLS key, to count alone")
    parser.add_argument("--timeout", type=int, default=_TIMEOUT_S, metavar="S", help="seconds for an answer")


def run(options: argparse.Namespace) -> bool:
    """Fetch, show and write. Raises ConfigurationError, UnavailableError, MalformedError."""
    described = asyncio.run(pin(options))
    try:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(json.dumps(described.to_members(), indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(f"{options.file} cannot be written: {error.strerror}") from error
    for line in fingerprints(described):
        print(line)
    print(f"Written to {options.file}. Compare these digests with what the service's operator says elsewhere.")
    return True


async def pin(options: argparse.Namespace) -> Description:
    """Return the description of a service with the keys that it shows today."""
    defaults = {
        name: value.format(url=options.url) if isinstance(value, str) else value
        for name, value in _DEFAULTS[options.kind].items()
    }
    given = {name: getattr(options, name) for name in ("form", "algorithm", "issuer", "audience")}
    values = {name: defaults[name] if value is None else value or None for name, value in given.items()}
    jwks = await _fetch_keys(options.keys or defaults["keys_url"], options)
    is_rooted = options.kind == "trust-authority"
    members = {
        "kind": options.kind,
        "url": options.url,
        "token": {
            **values,
            "name": options.file.stem,
            "keys": [] if is_rooted else _public_keys(jwks),
            "root_sha256": _root_digests(jwks) if is_rooted else [],
            "policies": options.policy or [],
            "max_lifetime_s": defaults["max_lifetime_s"],
        },
        "era": options.era,
        "version": options.version,
        "keys_url": (options.keys or defaults["keys_url"]).removesuffix("/certs") if is_rooted else None,
        "api_key_file": None if options.api_key_file is None else str(options.api_key_file),
        "authorities": None if options.authorities is None else str(options.authorities),
        "tls_pins": options.tls_pin or [],
        "timeout_s": options.timeout,
    }
    return parse_description(members)


def fingerprints(described: Description) -> list[str]:
    """Return a line for each key and root that is pinned: SHA-256, as others can compute it."""
    token = described.token
    names = ("crv", "e", "kty", "n", "x", "y")
    keys = [{name: key[name] for name in names if name in key} for key in token.keys]
    thumbprints = [hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()) for key in keys]
    lines = [f"key (RFC 7638 thumbprint, SHA-256)  {digest.hexdigest()}" for digest in thumbprints]
    return lines + [f"root certificate (SHA-256)          {digest.hex()}" for digest in token.root_sha256]


async def _fetch_keys(place: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    if "://" in place:
        pins = [bytes.fromhex(text) for text in options.tls_pin or ()]
        transport = build_transport(authorities=options.authorities, pins=pins)
        address = urlsplit(place)
        origin, path = f"{address.scheme}://{address.netloc}", urlunsplit(("", "", address.path, address.query, ""))
        caller = ServiceCaller(origin, transport=transport, timeout_s=options.timeout)
        try:
            data = await caller.get(path)
        except ServiceError as error:
            raise UnavailableError(f"{place}: {error}") from error
        finally:
            await caller.aclose()
    else:
        data = _read_file(Path(place))
    jwks = parse_json(data)
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise MalformedError(f"{place} holds no set of keys (JWKS)")
    return keys


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _public_keys(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the keys' public numbers and names; whatever else a key set says is not pinned."""
    names = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")
    return [{name: key[name] for name in names if name in key} for key in keys]


def _root_digests(keys: list[dict[str, Any]]) -> list[str]:
    roots = {b64decode_standard(chain[-1]) for key in keys if (chain := key.get("x5c"))}
    return sorted(hashlib.sha256(root).hexdigest() for root in roots)
