"""What a machine measures of what it runs: the application's own events, and whether a release allows them.

Each is a line of the application's event log, `confchat <operation> <content>`, its content one JSON object:

application    {"release": digest, "files": digest, "differs": [paths]}: the release it runs, and its files as they are
model-server   {"server": "ollama/<version>", "binary": digest, "settings": ["OLLAMA_DEBUG=0", …]}
model          {"name": text, "manifest": digest, "blobs": [digests]}: each blob as it was read, in the manifest's order

A digest is `sha256:` and 64 hex digits. Pure; what is measured, and when, is `confchat`'s.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, TypeVar

from attestation.encoding import parse_json
from attestation.errors import AppraisalError, MalformedError
from attestation.eventlog import APPLICATION_REGISTER, Event, EventLog
from attestation.eventlog_words import describe_event
from attestation.reference_models import ModelServer
from attestation.reference_values import ReferenceRelease

DOMAIN = "confchat"
# So many names of files that differ are said; the digest is over all files.
MOST_NAMED = 16

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredApplication:
    """The release that the application says it is, and its files: one digest, and those that are not the release's."""

    release: str
    files: str
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """A model: its manifest's digest, and of each blob the digest of what was read."""

    name: str
    manifest: str
    blobs: tuple[str, ...]


Measured: TypeAlias = MeasuredApplication | ModelServer | MeasuredModel
Kind = TypeVar("Kind", MeasuredApplication, ModelServer, MeasuredModel)

_OPERATIONS: dict[str, type[Measured]] = {
    "application": MeasuredApplication,
    "model-server": ModelServer,
    "model": MeasuredModel,
}


def write_event(measured: Measured) -> str:
    """Return the line of what was measured."""
    operation = next(name for name, kind in _OPERATIONS.items() if isinstance(measured, kind))
    content = json.dumps(asdict(measured), ensure_ascii=True, separators=(",", ":"))
    return f"{DOMAIN} {operation} {content}"


def read_event(line: str) -> Measured | None:
    """Return what a line says was measured; None for another's event, or one that is not of its form."""
    domain, operation, content = line.split(" ", 2)
    kind = _OPERATIONS.get(operation)
    if domain != DOMAIN or kind is None:
        return None
    try:
        members = parse_json(content.encode())
        return _typed(kind, members)
    except MalformedError:
        return None


def files_digest(files: Mapping[str, str]) -> str:
    """Return one digest for files, by path their SHA-256 in hex: over what `sha256sum` prints, sorted by path."""
    lines = (f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def judge_events(log: EventLog, release: ReferenceRelease) -> None:
    """Refuse a log with an event in RTMR3 that the release does not allow; the first one is named.

    Raises:
        AppraisalError: `event_differs`, `event_unknown`, `application_differs`, `server_differs`, `model_differs`,
            `blob_differs`, or `event_log_begins` where something was measured before the log begins.
    """
    for event in log.events:
        if event.register == APPLICATION_REGISTER:
            require_unchanged(log, event)
            _judge(event, release)
    if not log.is_continuous:
        raise AppraisalError("event_log_begins", "something was measured before the log begins")


def require_unchanged(log: EventLog, event: Event) -> None:
    """Refuse an event that is not what its digest was made of. Raises `AppraisalError`, `event_differs`."""
    if event.is_changed:
        number = log.events.index(event) + 1
        raise AppraisalError("event_differs", f"event {number} is not what was measured: {describe_event(event)}")


def last_measured(log: EventLog, kind: type[Kind], name: str | None = None) -> Kind | None:
    """Return what was last measured of a kind, of a model the one of that name; None where nothing was."""
    for event in reversed(log.events):
        measured = None if event.line is None else read_event(event.line)
        if isinstance(measured, kind) and (name is None or getattr(measured, "name", None) == name):
            return measured
    return None


def _judge(event: Event, release: ReferenceRelease) -> None:
    if event.line in release.events:
        return
    measured = None if event.line is None else read_event(event.line)
    match measured:
        case MeasuredApplication():
            _judge_application(measured, release)
        case ModelServer():
            if measured not in release.model_servers:
                about = f"{measured.server}, program {measured.binary}, {' '.join(measured.settings)}"
                raise AppraisalError("server_differs", f"the model server is not one of the release: {about}")
        case MeasuredModel():
            _judge_model(measured, release)
        case None:
            raise AppraisalError("event_unknown", f"the release does not know this event: {describe_event(event)}")


def _judge_application(measured: MeasuredApplication, release: ReferenceRelease) -> None:
    """Judge the files alone: the same program may have been signed anew, and taken over, since it was measured."""
    if measured.files != files_digest(release.files):
        names = ", ".join(measured.differs) or "its files"
        raise AppraisalError(
            "application_differs", f"these files of the application are not those of the release: {names}"
        )


def _judge_model(measured: MeasuredModel, release: ReferenceRelease) -> None:
    for model in release.models:
        if (model.name, model.digest) == (measured.name, measured.manifest):
            wrong = _differing(model.blobs, measured.blobs)
            if wrong:
                raise AppraisalError(
                    "blob_differs",
                    f"these files of the model {model.name} are not what they should be: {', '.join(wrong)}",
                )
            return
    raise AppraisalError("model_differs", f"the model {measured.name} is not one of release {release.version}")


def _differing(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return the blobs that are not what they should be, under the names that they should have."""
    if len(expected) != len(found):
        return ["its list of files"]
    return [name for name, digest in zip(expected, found, strict=True) if name != digest]


def _typed(kind: type[Measured], members: Any) -> Measured:
    """Return an event's content as its kind; each member is text, a digest where its name says so, or texts."""
    texts, digests, lists = _FORMS[kind]
    if not isinstance(members, dict) or set(members) != {*texts, *digests, *lists}:
        raise MalformedError("an event has missing or unknown members")
    if not all(isinstance(members[name], str) for name in (*texts, *digests)):
        raise MalformedError("a member of an event is not text")
    if not all(_DIGEST.match(members[name]) for name in digests):
        raise MalformedError("a member of an event is not a digest")
    for name in lists:
        if not isinstance(members[name], list) or not all(isinstance(item, str) for item in members[name]):
            raise MalformedError("a member of an event is not a list of texts")
        members[name] = tuple(members[name])
    return kind(**members)


_FORMS: dict[type[Measured], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    MeasuredApplication: ((), ("release", "files"), ("differs",)),
    ModelServer: (("server",), ("binary",), ("settings",)),
    MeasuredModel: (("name",), ("manifest",), ("blobs",)),
}
