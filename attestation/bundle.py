"""Evidence taken away: one small zip archive that can be judged again without us. Knows no Django.

Archives are deterministic: equal bundles are equal bytes (stored, sorted, dated 1980-01-01). Archives that come from
elsewhere are read with limits on everything, and nothing in them is believed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation.collateral import Collateral
from attestation.encoding import parse_json
from attestation.errors import MalformedError
from attestation.evidence import Evidence

VERSION = "confchat/1 evidence bundle"
MAX_ARCHIVE_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 2 * 1024 * 1024

_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644 << 16
_REQUIRED = frozenset(
    {
        "README.txt",
        "checks.json",
        "collateral.json",
        "deployment.sig",
        "kem_key.bin",
        "keys.json",
        "manifest.json",
        "quote.bin",
        "statement.bin",
        "verdict.json",
    }
)
_OPTIONAL = frozenset({"aael.txt", "ccel.bin", "release.json", "release.sig", "simulator_root.der", "token.jwt"})
_TOKEN = re.compile(rb"[A-Za-z0-9_.-]*\Z")

README = """This archive is the evidence that one machine gave of itself, once, before a conversation began.
It holds nothing of any conversation.

statement.bin       what the machine said: who asks, for which address, with which key, model and release
deployment.sig      the operator's signature over it (Ed25519, 64 bytes)
kem_key.bin         the public key that the session's secret was sealed to
quote.bin           the processor's report (Intel TDX), which names the statement by its hash
collateral.json     Intel's lists of that day: certificates, revocations, status of the platform
ccel.bin, aael.txt  the machine's event logs, where it has them
verdict.json        what the server, the attestation service and the browser found, and when
checks.json         every check that the server made, in words
token.jwt           the attestation service's signed answer, where it gave one
release.json, .sig  the published reference release that the statement names, and its signature
keys.json           the operator's public keys of that day; get them from elsewhere before you believe them
simulator_root.der  only in simulated evidence: the root of a made-up platform that protects nobody
manifest.json       the name, size and SHA-256 of each file here

To judge it again, with Python and its package "cryptography":

    python -m attestation verify evidence.zip --release-key KEY --log-key KEY --origin ADDRESS

KEY and ADDRESS are those that you know yourself. What you do not give is reported as not checked, and then the
result is not green. --help lists everything that can be given.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One record's evidence and what was found of it at the time. Parsed, not verified.

    `verdict`, `checks` and `keys` are for display; `release` is a manifest and its signature (64 bytes).
    """

    record: str
    evidence: Evidence
    verdict: Mapping[str, Any]
    checks: list[Any]
    token: str | None
    release: tuple[bytes, bytes] | None
    keys: Mapping[str, Any]


def build_bundle(bundle: Bundle) -> bytes:
    """Write a bundle as a zip archive."""
    files = _to_files(bundle)
    listed = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    files["manifest.json"] = _to_json({"v": VERSION, "record": bundle.record, "files": listed})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DOS_EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def parse_bundle(data: bytes) -> Bundle:
    """Read a zip archive made by `build_bundle`, or packed again by other tools from the same files.

    Raises:
        MalformedError: not such an archive: other or repeated names, files too large, digests that differ.
    """
    files = _read_archive(data)
    manifest = _object(files, "manifest.json")
    if manifest.get("v") != VERSION or not isinstance(manifest.get("record"), str):
        raise MalformedError("not an evidence bundle of this version")
    _check_digests(files, manifest.get("files"))
    verdict = _object(files, "verdict.json")
    return Bundle(
        record=manifest["record"],
        evidence=_read_evidence(files, trust_anchor=verdict.get("trust_anchor")),
        verdict=verdict,
        checks=_list(files, "checks.json"),
        token=_read_token(files),
        release=_read_release(files),
        keys=_object(files, "keys.json"),
    )


def _to_files(bundle: Bundle) -> dict[str, bytes]:
    evidence = bundle.evidence
    manifest, signature = bundle.release or (None, None)
    files = {
        "README.txt": README.encode(),
        "statement.bin": evidence.statement,
        "deployment.sig": evidence.deployment_sig,
        "kem_key.bin": evidence.kem_key,
        "quote.bin": evidence.quote,
        "collateral.json": _to_json(evidence.collateral.to_wire()),
        "ccel.bin": evidence.ccel,
        "aael.txt": None if evidence.aael is None else evidence.aael.encode(),
        "simulator_root.der": evidence.simulator_root,
        "verdict.json": _to_json({**bundle.verdict, "trust_anchor": evidence.trust_anchor}),
        "checks.json": _to_json(bundle.checks),
        "token.jwt": None if bundle.token is None else bundle.token.encode(),
        "release.json": manifest,
        "release.sig": signature,
        "keys.json": _to_json(bundle.keys),
    }
    return {name: data for name, data in files.items() if data is not None}


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _read_archive(data: bytes) -> dict[str, bytes]:
    if len(data) > MAX_ARCHIVE_BYTES:
        raise MalformedError("larger than any evidence bundle")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names([entry.filename for entry in entries])
            return {entry.filename: _read_entry(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise MalformedError("not a zip archive that can be read") from error
    except (NotImplementedError, RuntimeError) as error:
        raise MalformedError("encrypted, or packed in a way that is not supported") from error


def _check_names(names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise MalformedError("a file stands in the archive twice")
    if missing := sorted(_REQUIRED - set(names)):
        raise MalformedError(f"{missing[0]} is missing")
    if set(names) - _REQUIRED - _OPTIONAL:
        raise MalformedError("the archive holds files that are no part of a bundle")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MalformedError("packed in a way that is not supported")
    if entry.file_size > MAX_FILE_BYTES:
        raise MalformedError(f"{entry.filename} is too large")
    with archive.open(entry) as file:
        # The directory's size is only a claim: this many bytes are unpacked, and no more.
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) != entry.file_size:
        raise MalformedError(f"{entry.filename} is not of the size that the archive states")
    return data


def _check_digests(files: Mapping[str, bytes], listed: Any) -> None:
    if not isinstance(listed, dict) or listed.keys() != files.keys() - {"manifest.json"}:
        raise MalformedError("the manifest does not list the files that are there")
    for name, facts in listed.items():
        if facts != {"size": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}:
            raise MalformedError(f"{name} is not the file that the manifest lists")


def _read_evidence(files: Mapping[str, bytes], *, trust_anchor: Any) -> Evidence:
    if trust_anchor not in ("intel", "simulator"):
        raise MalformedError("unknown trust_anchor")
    aael = files.get("aael.txt")
    return Evidence(
        statement=files["statement.bin"],
        deployment_sig=files["deployment.sig"],
        kem_key=files["kem_key.bin"],
        quote=files["quote.bin"],
        collateral=Collateral.from_wire(parse_json(files["collateral.json"])),
        ccel=files.get("ccel.bin"),
        aael=None if aael is None else _decode(aael),
        trust_anchor=trust_anchor,
        simulator_root=files.get("simulator_root.der"),
    )


def _read_token(files: Mapping[str, bytes]) -> str | None:
    token = files.get("token.jwt")
    if token is None:
        return None
    if not _TOKEN.match(token):
        raise MalformedError("token.jwt is not a token")
    return token.decode("ascii")


def _read_release(files: Mapping[str, bytes]) -> tuple[bytes, bytes] | None:
    manifest, signature = files.get("release.json"), files.get("release.sig")
    if manifest is None and signature is None:
        return None
    if manifest is None or signature is None:
        raise MalformedError("a release needs its manifest and its signature")
    return manifest, signature


def _object(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    value = parse_json(files[name])
    if not isinstance(value, dict):
        raise MalformedError(f"{name} is not an object")
    return value


def _list(files: Mapping[str, bytes], name: str) -> list[Any]:
    value = parse_json(files[name])
    if not isinstance(value, list):
        raise MalformedError(f"{name} is not a list")
    return value


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("an event log is not UTF-8") from error
