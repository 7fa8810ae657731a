"""Evidence taken away: one small zip archive that can be judged again without us. Knows no Django.

Archives are deterministic: equal bundles are equal bytes. Those that come from elsewhere are read with limits on
everything, and nothing in them is believed; the program in them is for people without one, and is not read here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attestation.archive import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, read_archive, read_limited, write_archive
from attestation.collateral import Collateral
from attestation.encoding import parse_json
from attestation.errors import MalformedError
from attestation.evidence import Evidence
from attestation.log.proof import LogProof, build_proof, parse_proof
from attestation.program import is_program_file, program_files

VERSION = "confchat/1 evidence bundle"
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
_OPTIONAL = frozenset(
    {
        *("aael.txt", "ccel.bin", "log.tlog-proof", "log_entry.json", "release.json", "release.sig"),
        *("gpu.json", "simulator_root.der", "token.jwt"),
    }
)
_TOKEN = re.compile(rb"[A-Za-z0-9_.-]*\Z")

README = """This archive is the evidence that one machine gave of itself, once, before a conversation began.
It holds nothing of any conversation.

statement.bin       what the machine said: who asks, for which address, with which key, model and release
deployment.sig      the operator's signature over it (Ed25519, 64 bytes)
kem_key.bin         the public key that the session's secret was sealed to
quote.bin           the processor's report (Intel TDX), which names the statement by its hash
collateral.json     Intel's lists of that day: certificates, revocations, status of the platform
ccel.bin, aael.txt  the machine's event logs, where it has them
gpu.json            what NVIDIA's verifier says of confidential GPUs that answered; not that they are in this machine
verdict.json        what the server, the attestation services and the browser found, and when; the tokens of further
                    services, and the keys that each one's tokens are checked with
checks.json         every check that the server made, in words
token.jwt           the first attestation service's signed answer, where it gave one
release.json, .sig  the published reference release that the statement names, and its signature
log_entry.json      what the operator's public log says of this record; whom it concerns is hashed
log.tlog-proof      the place of that entry in the log, and the log's signature (C2SP tlog-proof)
keys.json           the operator's public keys of that day; get them from elsewhere before you believe them
simulator_root.der  only in simulated evidence: the root of a made-up platform that protects nobody
manifest.json       the name, size and SHA-256 of each file here

verify.py           judges all of this again, on any computer with Python and its package "cryptography"
attestation/        the program that verify.py starts, which is the server's own verifier

To judge it again, unpack it and say

    python3 verify.py --release-key KEY --log-key KEY --origin ADDRESS --at TIME --nonce NONCE ...

KEY, ADDRESS and the rest are what you know yourself, not from here. What you do not give is reported as not checked,
and then the result is not green; --help lists everything that can be given. It answers two questions apart: was it good
then, by the lists of that day; and is it good now, by the lists of today, if you give them with --collateral.
verify.py came in this archive too: whoever may have changed the one may have changed the other. If that matters, take
the same program from elsewhere: python3 -m attestation verify evidence.zip
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One record's evidence and what was found of it at the time. Parsed, not verified.

    `verdict`, `checks` and `keys` are for display; `release` is a manifest and its signature (64 bytes);
    `log` is the record's place in the transparency log, where the archive brings it.
    """

    record: str
    evidence: Evidence
    verdict: Mapping[str, Any]
    checks: list[Any]
    token: str | None
    release: tuple[bytes, bytes] | None
    keys: Mapping[str, Any]
    log: LogProof | None = None


def build_bundle(bundle: Bundle) -> bytes:
    """Write a bundle as a zip archive."""
    files = _to_files(bundle)
    files |= program_files()
    listed = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    files["manifest.json"] = _to_json({"v": VERSION, "record": bundle.record, "files": listed})
    return write_archive(files)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle from an archive, or from the directory that one was unpacked in.

    Raises:
        MalformedError: it is none, or cannot be read.
    """
    if not path.is_dir():
        return parse_bundle(read_limited(path, most=MAX_ARCHIVE_BYTES))
    manifest = parse_json(read_limited(path / "manifest.json", most=MAX_FILE_BYTES))
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(listed, dict):
        raise MalformedError(f"{path} holds no evidence bundle")
    names = ["manifest.json", *listed]
    _check_names(names)
    return _parse_files({name: _read_file(path / name) for name in names})


def parse_bundle(data: bytes) -> Bundle:
    """Read a zip archive made by `build_bundle`, or packed again by other tools from the same files.

    Raises:
        MalformedError: not such an archive: other or repeated names, files too large, digests that differ.
    """
    return _parse_files(read_archive(data, check_names=_check_names))


def _parse_files(files: Mapping[str, bytes]) -> Bundle:
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
        log=_read_log(files),
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
        "gpu.json": None if evidence.gpu is None else evidence.gpu.encode(),
        "verdict.json": _to_json({**bundle.verdict, "trust_anchor": evidence.trust_anchor}),
        "checks.json": _to_json(bundle.checks),
        "token.jwt": None if bundle.token is None else bundle.token.encode(),
        "release.json": manifest,
        "release.sig": signature,
        "keys.json": _to_json(bundle.keys),
        "log_entry.json": None if bundle.log is None else bundle.log.entry,
        "log.tlog-proof": None if bundle.log is None else build_proof(bundle.log).encode(),
    }
    return {name: data for name, data in files.items() if data is not None}


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _check_names(names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise MalformedError("a file stands in the archive twice")
    if missing := sorted(_REQUIRED - set(names)):
        raise MalformedError(f"{missing[0]} is missing")
    if not all(name in _REQUIRED | _OPTIONAL or is_program_file(name) for name in names):
        raise MalformedError("the archive holds files that are no part of a bundle")


def _read_file(path: Path) -> bytes:
    data = read_limited(path, most=MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise MalformedError(f"{path.name} is too large")
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
    aael, gpu = files.get("aael.txt"), files.get("gpu.json")
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
        gpu=None if gpu is None else _decode(gpu),
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


def _read_log(files: Mapping[str, bytes]) -> LogProof | None:
    entry, proof = files.get("log_entry.json"), files.get("log.tlog-proof")
    if entry is None and proof is None:
        return None
    if entry is None or proof is None:
        raise MalformedError("a log entry needs its proof")
    return parse_proof(_decode(proof), entry=entry)


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
        raise MalformedError("a text is not UTF-8") from error
