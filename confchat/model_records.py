"""What an operator writes of an encrypted model: where it lies, who gives its key, where it is opened, what serves it.

One JSON file a model in CONFCHAT_MODEL_RECORDS; nothing in it is secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.kbs import Broker, ResourceUri, parse_resource_uri
from attestation.members import Members
from confchat.key_broker import read_broker

Opening = Literal["auto", "mount", "decrypt"]

OWNER_KEY_SIZE = 32
MAX_BYTES = 64 * 1024
MAX_VARIABLES, MAX_VARIABLE_CHARACTERS = 32, 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MEMBERS = frozenset(
    ("method", "model", "source", "owner_key", "broker", "key", "mount", "opening", "engine", "variables")
)
_OPTIONAL = frozenset(("manifest",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """One encrypted model.

    Attributes:
        name: that of its file, by which commands and pages know it.
        model: what the engine calls it.
        source: its directory as `model_encrypt` wrote it.
        owner_key: the Ed25519 key (32 bytes) that its manifest must be signed with.
        manifest: the only manifest that is opened, as `sha256:` and hex; null leaves it to whoever holds the disk which
            of the owner's models lies there, an older one, say.
        mount: where it is opened; an absolute path.
        engine: the command that serves it with `{mount}` in it, empty for Ollama, which reads `mount` as OLLAMA_MODELS.
        variables: what the operator says to the broker: measured into RTMR3 before it is asked.
    """

    name: str
    model: str
    source: Path
    owner_key: bytes
    manifest: str | None
    broker: Broker
    key: ResourceUri
    mount: Path
    opening: Opening
    engine: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """Return the engine's command for this mount; empty for Ollama."""
        return [word.replace("{mount}", str(self.mount)) for word in self.engine]

    @property
    def variables_event(self) -> str:
        """Return the line by which the operator's variables are measured; empty where there are none."""
        if not self.variables:
            return ""
        content = json.dumps({"model": self.name, "variables": dict(self.variables)}, sort_keys=True)
        return f"operator variables {content}"

    @property
    def opening_event(self) -> str:
        """Return the line by which it is measured that this very model was opened with a key from this broker.

        Empty where the record names no manifest: then nothing could be said of which model it was.
        """
        if self.manifest is None:
            return ""
        members = {
            "broker": self.broker.url,
            "key": str(self.key),
            "manifest": self.manifest,
            "model": self.model,
            "owner_key": b64encode(self.owner_key),
        }
        return f"model opened {json.dumps(members, sort_keys=True)}"

    @property
    def events(self) -> frozenset[str]:
        """Return the lines that a release has to name, so that this model can be opened and that be proved."""
        return frozenset({self.variables_event, self.opening_event} - {""})


def records_of_installation() -> tuple[ModelRecord, ...]:
    """Return the records that the settings name. Raises `ConfigurationError`."""
    return read_records(settings.CONFCHAT_MODEL_RECORDS)


def read_records(directory: Path) -> tuple[ModelRecord, ...]:
    """Return every record of a directory, sorted by name; none where there is no directory.

    Raises:
        ConfigurationError: one is not of its form; says which.
    """
    return tuple(read_record(path) for path in sorted(directory.glob("*.json")))


def events_of(records: Iterable[ModelRecord]) -> frozenset[str]:
    """Return the lines that a release has to name for these records."""
    return frozenset().union(*(record.events for record in records))


def read_record(path: Path) -> ModelRecord:
    """Return one record. Raises `ConfigurationError`."""
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES or not _NAME.fullmatch(path.stem):
            raise MalformedError("too large, or a name that no model may have")
        return _parse(path.stem, parse_json(data))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (MalformedError, ConfigurationError) as error:
        raise ConfigurationError(f"{path} is no record of a model: {error}") from error


def _parse(name: str, value: Any) -> ModelRecord:
    members = Members(value)
    unknown = (set(members.as_dict()) ^ _MEMBERS) - _OPTIONAL
    if unknown:
        raise MalformedError(f"missing or unknown: {', '.join(sorted(unknown))}")
    if members.text("method") != "gocryptfs":
        raise MalformedError("the method gocryptfs is opened here, and no other")
    return ModelRecord(
        name=name,
        model=members.text("model"),
        source=_absolute(members.text("source")),
        owner_key=b64decode(members.text("owner_key"), size=OWNER_KEY_SIZE),
        manifest=_digest(members.as_dict().get("manifest")),
        broker=read_broker(members.as_dict()["broker"]),
        key=parse_resource_uri(members.text("key")),
        mount=_absolute(members.text("mount")),
        opening=members.one_of("opening", Opening),
        engine=members.texts("engine"),
        variables=_variables(members.as_dict()["variables"]),
    )


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        raise MalformedError(f"{text!r} is not an absolute path")
    return path


def _digest(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not _DIGEST.fullmatch(value)):
        raise MalformedError("manifest is no digest: sha256: and 64 hex digits")
    return value


def _variables(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_VARIABLES:
        raise MalformedError("variables is no object, or too large")
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name) or not isinstance(text, str) or len(text) > MAX_VARIABLE_CHARACTERS:
            raise MalformedError(f"the variable {name!r} is not of its form")
    return value
