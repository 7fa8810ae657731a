"""`push`: give a Trustee's reference value provider (RVPS) the measurements of signed reference releases.

One message `{"version":"0.1.0","type":"sample","payload":<base64 of JSON>}`, with every release's values under the
names that Trustee's default policy asks for. Source: confidential-containers/trustee, rvps/src and kbs/docs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from collections.abc import Iterable
from pathlib import Path

from attestation.encoding import b64decode
from attestation.errors import ConfigurationError, UnavailableError
from attestation.reference_values import ReferenceRelease, load_releases
from attestation.services.caller import ServiceCaller
from attestation.services.tls import build_transport
from attestation.services.verdict import ServiceError

# Where a service takes them: Trustee's KBS, or the gateway of the openanolis fork.
PATHS = {"kbs": "/kbs/v0/reference-value", "gateway": "/api/rvps/register"}

# Names in Trustee's default policy, and what a release calls the same register.
_NAMES = {"mr_td": "mr_td", "mr_seam": "mr_seam", "xfam": "xfam"} | {f"rtmr_{n}": f"rtmr{n}" for n in range(4)}
_TIMEOUT_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("--releases", type=Path, required=True, metavar="DIR", help="the signed reference releases")
    parser.add_argument("--release-key", required=True, metavar="B64", help="the Ed25519 key that signs them")
    parser.add_argument("--url", metavar="URL", help="the service; without one the message is printed")
    parser.add_argument("--by", choices=sorted(PATHS), default="kbs", help="through which interface (%(default)s)")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the administrator's bearer token")
    parser.add_argument(
        "--authorities", type=Path, help="the TLS authorities that count (PEM), instead of the system's"
    )


def run(options: argparse.Namespace) -> bool:
    """Read, verify and push. Raises ConfigurationError, UnavailableError, MalformedError."""
    releases = load_releases(options.releases, release_key=b64decode(options.release_key, size=32))
    if not releases:
        raise ConfigurationError(f"{options.releases} holds no release that this key signed")
    message = build_message(releases)
    if options.url is None:
        print(message.decode())
        return True
    asyncio.run(_push(options, message))
    print(f"{options.url} took the values of {', '.join(release.version for release in releases)}.")
    return True


def build_message(releases: Iterable[ReferenceRelease]) -> bytes:
    """Return the message that registers the measurements of all these releases, each value once."""
    values: dict[str, set[str]] = {name: set() for name in _NAMES}
    for release in releases:
        for measured in release.measurements:
            for name, register in _NAMES.items():
                value = getattr(measured, register)
                if value is not None:
                    values[name].add(value.hex())
    payload = json.dumps({name: sorted(found) for name, found in values.items() if found}).encode()
    message = {"version": "0.1.0", "type": "sample", "payload": base64.b64encode(payload).decode("ascii")}
    return json.dumps(message).encode()


async def _push(options: argparse.Namespace, message: bytes) -> None:
    transport = build_transport(authorities=options.authorities, pins=())
    caller = ServiceCaller(options.url, transport=transport, timeout_s=_TIMEOUT_S)
    try:
        await caller.post(PATHS[options.by], message, headers=_authorization(options.token_file))
    except ServiceError as error:
        raise UnavailableError(f"{options.url}: {error}") from error
    finally:
        await caller.aclose()


def _authorization(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        return {"authorization": f"Bearer {path.read_text().strip()}"}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read") from error
