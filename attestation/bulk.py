"""Many records in one archive: written and read as a stream, with a signed summary. Knows no Django.

`records.jsonl` has a line for each record, numbered from 1, and before it a line for each part that it is the first to
need: what many records have in common stands there once, under its SHA-256. `summary.json` names the digest of that
file, so that no line can be removed, added, changed or moved; `summary.sig` is the log key's signature over it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attestation.bundle import Bundle
from attestation.collateral import Collateral
from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import MalformedError
from attestation.evidence import Evidence
from attestation.log.leaves import SALT_SIZE
from attestation.log.merkle import HASH_SIZE
from attestation.log.proof import MAX_PATH, LogProof
from attestation.program import is_program_file

VERSION = "confchat/1 evidence export"
RECORDS, SUMMARY, SIGNATURE, README_NAME = "records.jsonl", "summary.json", "summary.sig", "README.txt"
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_SUMMARY_BYTES = 1024 * 1024

_SIGNATURE_LABEL = b"confchat/1 export\x00"

README = """This archive holds the evidence of many attestations, and nothing of any conversation.

records.jsonl   a line for each record, numbered from 1, and a line for each part that records have in common
summary.json    what was asked for, how many records there are, which are known to be gone, the digest of records.jsonl,
                and the signed checkpoint of the public log to which each record proves its place
summary.sig     the operator's signature over summary.json (Ed25519 by the log key)
verify.py       judges every record again, with Python and its package "cryptography" alone

    python3 verify.py ARCHIVE --log-key KEY --release-key KEY

KEY is what you know yourself, not from here. Without --log-key nobody says that the archive is whole.
"""


def signed_summary(summary: bytes) -> bytes:
    """Return what the log key signs for an archive's summary."""
    return _SIGNATURE_LABEL + summary


def part_line(content: bytes) -> bytes:
    """Return the line of a part that records have in common."""
    return _line({"part": hashlib.sha256(content).hexdigest(), "content": b64encode(content)})


def log_members(proof: LogProof) -> dict[str, Any]:
    """Return a record's place in the log without the checkpoint, which the summary brings for all of them."""
    return {
        "entry": b64encode(proof.entry),
        "salt": b64encode(proof.salt),
        "index": proof.index,
        "path": [b64encode(node) for node in proof.path],
    }


def record_line(number: int, members: Mapping[str, Any], evidence: Mapping[str, bytes]) -> bytes:
    """Return the line of one record; `evidence` are its own bytes, `members` everything else."""
    return _line({"n": number, **members, **{name: b64encode(data) for name, data in evidence.items()}})


def is_bulk(path: Path) -> bool:
    """Say whether a file is such an archive; what cannot be read is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return SUMMARY in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


@dataclass(slots=True)
class BulkArchive:
    """An archive that is being read: records one after another, and at the end what its summary says.

    Memory holds the parts that records have in common, and one record.
    """

    path: Path
    summary: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    _parts: dict[str, bytes] = field(default_factory=dict)
    _values: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, log_key: bytes | None) -> BulkArchive:
        """Read the summary and judge its signature; a fault is a sentence in `faults`.

        Raises:
            MalformedError: not an archive of this version.
        """
        with _opened(path) as archive:
            summary, signature = (_read_small(archive, name) for name in (SUMMARY, SIGNATURE))
        members = parse_json(summary)
        if not isinstance(members, dict) or members.get("v") != VERSION or type(members.get("records")) is not int:
            raise MalformedError("not an export of this version")
        found = cls(path, members)
        if log_key is None:
            found.faults.append("Whether it is whole was not checked: --log-key names who signs summaries.")
        elif not _is_signed(summary, signature, log_key):
            found.faults.append("The summary is not signed by the known log key: the archive may not be whole.")
        if gone := members.get("removed"):
            found.faults.append(f"The log has entries of {gone} records that are no longer there.")
        return found

    def bundles(self) -> Iterator[Bundle]:
        """Yield every record, numbered without a gap; what does not fit the summary becomes a fault at the end.

        Raises:
            MalformedError: a line is not of its form, or a number is missing.
        """
        digest, number = hashlib.sha256(), 0
        with _opened(self.path) as archive, archive.open(RECORDS) as lines:
            for line in _lines(lines):
                digest.update(line)
                members = parse_json(line)
                if not isinstance(members, dict):
                    raise MalformedError("a line is not an object")
                if "part" in members:
                    self._keep(members)
                    continue
                number += 1
                if members.get("n") != number:
                    raise MalformedError(f"record {number} is missing")
                yield self._bundle(members)
        if (number, digest.hexdigest()) != (self.summary["records"], self.summary.get("records_sha256")):
            self.faults.append("The records are not those that the summary speaks of.")

    def _keep(self, members: Mapping[str, Any]) -> None:
        content = b64decode(members.get("content"))
        if hashlib.sha256(content).hexdigest() != members["part"]:
            raise MalformedError("a part is not what its digest says")
        self._parts[members["part"]] = content

    def _read(self, digests: Mapping[str, str], name: str, read: Callable[[bytes], Any]) -> Any:
        """Return the value of a part, read once for each thing that it stands for."""
        key = name, digests[name]
        if key not in self._values:
            self._values[key] = read(self._parts[digests[name]])
        return self._values[key]

    def _bundle(self, members: Mapping[str, Any]) -> Bundle:
        try:
            digests = members["parts"]
            parts = {name: self._parts[digest] for name, digest in digests.items()}
            aael = parts.get("aael")
            return Bundle(
                record=str(members["record"]),
                evidence=Evidence(
                    statement=b64decode(members["statement"]),
                    deployment_sig=b64decode(members["deployment_sig"]),
                    kem_key=b64decode(members["kem_key"]),
                    quote=b64decode(members["quote_head"]) + parts["quote_certificates"],
                    collateral=self._read(digests, "collateral", lambda data: Collateral.from_wire(parse_json(data))),
                    ccel=parts.get("ccel"),
                    aael=None if aael is None else aael.decode(),
                    trust_anchor="simulator" if members["trust_anchor"] == "simulator" else "intel",
                    simulator_root=parts.get("simulator_root"),
                    gpu=members.get("gpu"),
                ),
                verdict=dict(members["verdict"]),
                checks=self._read(digests, "checks", lambda data: list(parse_json(data))),
                token=members["token"],
                release=self._read(digests, "release", _release) if "release" in digests else None,
                keys=self._read(digests, "keys", lambda data: dict(parse_json(data))),
                log=_log_proof(members.get("log"), self.summary.get("checkpoint")),
            )
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise MalformedError("a record does not have the known form") from error


def _log_proof(members: Mapping[str, Any] | None, note: Any) -> LogProof | None:
    if members is None or not isinstance(note, str) or type(members["index"]) is not int:
        return None
    return LogProof(
        entry=b64decode(members["entry"]),
        salt=b64decode(members["salt"], size=SALT_SIZE),
        index=members["index"],
        path=tuple(b64decode(node, size=HASH_SIZE) for node in members["path"][:MAX_PATH]),
        note=note,
    )


def _release(data: bytes) -> tuple[bytes, bytes]:
    members = parse_json(data)
    return b64decode(members["manifest"]), b64decode(members["signature"])


def _line(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise MalformedError(f"{path} is not a zip archive that can be read") from error
    names = archive.namelist()
    wanted = {RECORDS, SUMMARY, SIGNATURE, README_NAME}
    if len(names) != len(set(names)) or {name for name in names if not is_program_file(name)} != wanted:
        archive.close()
        raise MalformedError("the archive holds other files than an export")
    return archive


def _read_small(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(MAX_SUMMARY_BYTES)
    except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise MalformedError(f"{name} cannot be read") from error


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while line := file.readline(MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                raise MalformedError("a line is too long, or the archive ends in the middle of one")
            yield line
    except (EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise MalformedError(f"{RECORDS} is damaged") from error


def _is_signed(summary: bytes, signature: bytes, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed_summary(summary))
    except (InvalidSignature, ValueError):
        return False
    return True
