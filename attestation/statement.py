"""The statement: what a quote vouches for, its exact bytes, and the report data made of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, get_args

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import MalformedError
from attestation.gpu import GpuState, StatedGpu

VERSION = "confchat/1"
NONCE_SIZE = 32
INSTANCE_SIZE = 16
REPORT_DATA_SIZE = 64
LIFETIME_S = 600
# The model endpoint of a machine whose model answers within; every other word is a place outside of it.
INSIDE = "loopback"
EMPTY_LOG_ROOT = hashlib.sha256(b"").digest()

_REPORT_DATA_LABEL = b"confchat/1 report-data\x00"
_DEPLOYMENT_LABEL = b"confchat/1 deployment\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the attester says of itself and of this handshake. Parsed, not verified.

    Sizes: `nonce` 32, `instance` 16, `kem_key_sha256`, `release_digest` and `log_root` 32 bytes;
    `model_digest` is `sha256:` and 64 hex digits; times are seconds since the epoch. `gpu` is None where no GPU is
    spoken of.
    """

    nonce: bytes
    conversation: str | None
    origin: str
    issued_at: int
    expires_at: int
    instance: bytes
    kem_suite: str
    kem_key_sha256: bytes
    model_name: str
    model_digest: str
    model_backend: str
    release_version: str
    release_digest: bytes
    policy: str
    model_endpoint: str
    development: bool
    log_origin: str
    log_size: int
    log_root: bytes
    gpu: StatedGpu | None = None


def build_statement(statement: Statement) -> bytes:
    """Serialise a statement; these bytes, and no others, are hashed, signed and sent."""
    members: dict[str, Any] = {
        "v": VERSION,
        "nonce": b64encode(statement.nonce),
        "conversation": statement.conversation,
        "origin": statement.origin,
        "issued_at": statement.issued_at,
        "expires_at": statement.expires_at,
        "instance": statement.instance.hex(),
        "kem": {"suite": statement.kem_suite, "key_sha256": statement.kem_key_sha256.hex()},
        "model": {
            "name": statement.model_name,
            "digest": statement.model_digest,
            "backend": statement.model_backend,
        },
        "release": {
            "version": statement.release_version,
            "digest": f"sha256:{statement.release_digest.hex()}",
        },
        "config": {
            "policy": statement.policy,
            "model_endpoint": statement.model_endpoint,
            "development": statement.development,
        },
        "log": {
            "origin": statement.log_origin,
            "size": statement.log_size,
            "root": b64encode(statement.log_root),
        },
    }
    if statement.gpu is not None:
        digest = statement.gpu.sha256
        members["gpu"] = {"state": statement.gpu.state, "sha256": None if digest is None else digest.hex()}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def report_data(statement: bytes) -> bytes:
    """Return the 64 bytes that the quote must carry for the exact bytes of a statement."""
    return hashlib.sha512(report_data_input(statement)).digest()


def report_data_input(statement: bytes) -> bytes:
    """Return the bytes whose SHA-512 the quote must carry: a label, a zero byte, and the exact bytes of a statement."""
    return _REPORT_DATA_LABEL + statement


def deployment_message(statement: bytes) -> bytes:
    """Return what the deployment's log key signs (Ed25519) for a statement."""
    return _DEPLOYMENT_LABEL + statement


def parse_statement(data: bytes) -> Statement:
    """Parse the exact bytes of a statement; unknown, missing or ill-typed members are refused.

    Raises:
        MalformedError: the bytes are not a `confchat/1` statement.
    """
    root = _Members(parse_json(data))
    if root.text("v") != VERSION:
        raise MalformedError("not a confchat/1 statement")
    kem, model, release = root.members("kem"), root.members("model"), root.members("release")
    config, log = root.members("config"), root.members("log")
    statement = Statement(
        nonce=root.b64("nonce", size=NONCE_SIZE),
        conversation=root.text_or_null("conversation"),
        origin=root.text("origin"),
        issued_at=root.integer("issued_at"),
        expires_at=root.integer("expires_at"),
        instance=root.hex("instance", size=INSTANCE_SIZE),
        kem_suite=kem.text("suite"),
        kem_key_sha256=kem.hex("key_sha256", size=32),
        model_name=model.text("name"),
        model_digest=model.digest("digest"),
        model_backend=model.text("backend"),
        release_version=release.text("version"),
        release_digest=bytes.fromhex(release.digest("digest").removeprefix("sha256:")),
        policy=config.text("policy"),
        model_endpoint=config.text("model_endpoint"),
        development=config.flag("development"),
        log_origin=log.text("origin"),
        log_size=log.integer("size"),
        log_root=log.b64("root", size=32),
        gpu=_parse_gpu(root.members("gpu")) if root.has("gpu") else None,
    )
    for members in (root, kem, model, release, config, log):
        members.refuse_rest()
    return statement


def _parse_gpu(members: _Members) -> StatedGpu:
    state, digest = members.text("state"), members.text_or_null("sha256")
    members.refuse_rest()
    for known in get_args(GpuState):
        if state == known:
            return StatedGpu(state=known, sha256=None if digest is None else _parse_hex(digest, size=32))
    raise MalformedError("an unknown state of GPUs")


class _Members:
    """One JSON object, taken apart member by member."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise MalformedError("expected an object")
        self._rest = dict(value)

    def _take(self, name: str) -> Any:
        if name not in self._rest:
            raise MalformedError(f"no member {name}")
        return self._rest.pop(name)

    def has(self, name: str) -> bool:
        return name in self._rest

    def members(self, name: str) -> _Members:
        return _Members(self._take(name))

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str):
            raise MalformedError(f"{name} is not text")
        return value

    def text_or_null(self, name: str) -> str | None:
        return None if self._rest.get(name, "") is None and self._rest.pop(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        value = self._take(name)
        if type(value) is not int:
            raise MalformedError(f"{name} is not an integer")
        return value

    def flag(self, name: str) -> bool:
        value = self._take(name)
        if not isinstance(value, bool):
            raise MalformedError(f"{name} is not true or false")
        return value

    def b64(self, name: str, *, size: int) -> bytes:
        return b64decode(self._take(name), size=size)

    def hex(self, name: str, *, size: int) -> bytes:
        return _parse_hex(self.text(name), size=size)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not value.startswith("sha256:"):
            raise MalformedError(f"{name} is not a SHA-256 digest")
        _parse_hex(value.removeprefix("sha256:"), size=32)
        return value

    def refuse_rest(self) -> None:
        if self._rest:
            raise MalformedError("unknown members")


def _parse_hex(text: str, *, size: int) -> bytes:
    if len(text) != 2 * size or set(text) - set("0123456789abcdef"):
        raise MalformedError(f"expected {size} bytes in lower-case hex")
    return bytes.fromhex(text)
