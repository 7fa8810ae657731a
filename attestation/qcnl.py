"""Intel's `sgx_default_qcnl.conf`, in both of its forms: where a machine's quoting library gets collateral.

Source: Intel SGX DCAP, QuoteGeneration/qcnl (`linux/sgx_default_qcnl.conf` and `qcnl_config_impl.cpp`): lines of
`KEY=value` until DCAP 1.12, JSON with `//` comments since.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attestation.encoding import parse_json
from attestation.errors import ConfigurationError, MalformedError

QCNL_FILE = Path("/etc/sgx_default_qcnl.conf")
# Intel's own is 3 KB, most of it comments.
MAX_FILE_BYTES = 64 * 1024

# A comment runs to the end of its line; inside a string `//` stands in every address.
_STRING_OR_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*')
_LINE = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(\S*)\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Qcnl:
    """A source of collateral: its address, and whether its TLS certificate must be verified."""

    url: str
    use_secure_cert: bool


def read_qcnl(path: Path) -> Qcnl | None:
    """Read the file of a machine; None where there is none, or where it names no source.

    Raises:
        ConfigurationError: it cannot be read, or what stands in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    try:
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError("too large")
        return parse_qcnl(data)
    except MalformedError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse_qcnl(data: bytes) -> Qcnl | None:
    """Return the source that a file of either form names; None where it names none.

    In JSON `collateral_service` stands before `pccs_url`: the former is for verification, the latter for quoting.

    Raises:
        MalformedError: neither form, or an address that is none.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("not text") from error
    bare = _STRING_OR_COMMENT.sub(lambda match: match[1] or "", text)
    members = _json_members(bare) if bare.lstrip().startswith("{") else _line_members(text)
    url = members.get("collateral_service") or members.get("pccs_url")
    if url is None:
        return None
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise MalformedError("the source of collateral is no http(s) address")
    return Qcnl(url=url, use_secure_cert=_flag(members.get("use_secure_cert", True)))


def _json_members(text: str) -> dict[str, Any]:
    # Intel's parser takes a comma before a closing brace, and files with one are in use.
    members = parse_json(re.sub(r",(\s*\})", r"\1", text).encode())
    if not isinstance(members, dict):
        raise MalformedError("not an object")
    return members


def _line_members(text: str) -> dict[str, Any]:
    """Read `PCCS_URL=…` and `USE_SECURE_CERT=TRUE|FALSE`; the last of several counts, as in Intel's library."""
    members: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise MalformedError("neither JSON nor lines of KEY=value")
        members[found[1].lower()] = found[2]
    return members


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    raise MalformedError("use_secure_cert is neither true nor false")
