"""What Ollama's API says of the models that are installed: names, /api/tags and /api/show as values. Pure.

The answers are read raw: the client's own types leave out `remote_host` and `capabilities`. Fields that a version
does not have are absent, and so are those whose value is zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confchat.errors import ModelError
from confchat.llm import ModelDescription, failures

# [host/][namespace/]model[:tag] as Ollama's types/model/name.go allows it; also safe in the command that pulls it.
_NAME = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,399}(?::[0-9]{1,5}/[A-Za-z0-9._/-]{1,399})?(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,79})?"
)
_DEFAULT_PREFIXES = ("registry.ollama.ai/", "library/")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Models of Ollama's library that think in their answer, also where the server cannot say so (before 0.6.4).
_THINKING_FAMILIES = ("deepseek-r1", "qwq", "qwen3")
# They think always, more or less; `think` true or false is ignored (server/routes.go, api/types.go ThinkValue).
_LEVEL_FAMILIES = frozenset({"gptoss", "gpt-oss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One entry of /api/tags; `digest` is the hex SHA-256 of the manifest."""

    name: str
    digest: str
    size: int
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What /api/show says that a chat depends on; `has_thinking_field` is whether `think` may be asked for."""

    chats: bool
    thinks: bool
    has_thinking_field: bool
    simulated_thinking: bool
    context_length: int | None
    sees: bool = False
    embeds: bool = False


def full_name(name: str) -> str:
    """Return a model's name as /api/tags has it: with its tag, without the registry that is the default.

    Raises:
        ModelError: `model_missing`: not a name, or one that Ollama passes on to its own cloud
            (internal/modelref: a tag that is `cloud` or ends with `-cloud`).
    """
    if not _NAME.fullmatch(name):
        raise failures.not_a_name()
    for prefix in _DEFAULT_PREFIXES:
        name = name.removeprefix(prefix)
    model, _, tag = name.rpartition(":")
    if not model or "/" in tag:
        name, tag = f"{name}:latest", "latest"
    if tag.lower() == "cloud" or tag.lower().endswith("-cloud"):
        raise failures.outside(name)
    return name


def parse_tags(answer: Mapping[str, Any]) -> tuple[dict[str, Tag], frozenset[str]]:
    """Return the models of /api/tags by name, and the names of those that run on another machine."""
    tags: dict[str, Tag] = {}
    remote: set[str] = set()
    for entry in _member(answer, "models", list):
        name = _member(entry, "name", str)
        if _is_remote(entry, name):
            remote.add(name)
            continue
        digest = _member(entry, "digest", str).removeprefix("sha256:")
        if not _DIGEST.fullmatch(digest):
            raise failures.not_understood()
        tags[name] = Tag(name=name, digest=digest, size=_member(entry, "size", int), **_details(entry))
    return tags, frozenset(remote)


def parse_show(answer: Mapping[str, Any], name: str) -> Traits:
    """Return what /api/show says of the model `name`."""
    family = name.rpartition("/")[2].startswith(_THINKING_FAMILIES)
    details = answer.get("details")
    capabilities = _member(answer, "capabilities", list) if "capabilities" in answer else None
    has_thinking_field = capabilities is not None and "thinking" in capabilities
    # Before 0.6.4 as the server itself finds it out (server/images.go): a model that pools makes vectors.
    pools = _of_architecture(answer.get("model_info"), "pooling_type") is not None
    return Traits(
        chats=not pools if capabilities is None else "completion" in capabilities,
        thinks=family if capabilities is None else has_thinking_field,
        has_thinking_field=has_thinking_field,
        simulated_thinking=isinstance(details, dict) and details.get("simulated_thinking") is True,
        context_length=_of_architecture(answer.get("model_info"), "context_length"),
        sees=capabilities is not None and "vision" in capabilities,
        embeds=pools if capabilities is None else "embedding" in capabilities,
    )


def parse_loaded(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the models of /api/ps: those in memory."""
    return frozenset(_member(entry, "name", str) for entry in _member(answer, "models", list))


def parse_backend(answer: Mapping[str, Any]) -> str:
    """Return what serves the models, from /api/version: `ollama/<version>` unless it names itself."""
    server = answer.get("server", "ollama")
    return f"{server}/{_member(answer, 'version', str)}"


def efforts_of(tag: Tag, traits: Traits) -> tuple[str, ...]:
    """Return the words by which a model can be told how much to think."""
    if not traits.has_thinking_field:
        return ()
    return ("low", "medium", "high") if tag.family in _LEVEL_FAMILIES else ("off", "on")


def build_description(tag: Tag, traits: Traits, *, backend: str, is_loaded: bool | None = None) -> ModelDescription:
    """Put together what the rest of the program knows of a model."""
    return ModelDescription(
        name=tag.name,
        digest=f"sha256:{tag.digest}",
        backend=backend,
        context_length=traits.context_length,
        thinks=traits.thinks,
        simulated_thinking=traits.simulated_thinking,
        size=tag.size,
        parameter_size=tag.parameter_size,
        quantization=tag.quantization,
        sees=traits.sees,
        embeds=traits.embeds,
        efforts=efforts_of(tag, traits),
        is_loaded=is_loaded,
    )


def _is_remote(entry: Mapping[str, Any], name: str) -> bool:
    if entry.get("remote_host") or entry.get("remote_model"):
        return True
    try:
        full_name(name)
    except ModelError:
        return True
    return False


def _details(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return what a tag says of itself, as far as it does."""
    details = entry.get("details")
    known = details if isinstance(details, dict) else {}
    names = {"family": "family", "parameter_size": "parameter_size", "quantization": "quantization_level"}
    return {own: str(known.get(name) or "")[:40] for own, name in names.items()}


def _of_architecture(model_info: object, name: str) -> int | None:
    """Return a whole number that stands under the name of the model's architecture."""
    if not isinstance(model_info, dict):
        return None
    number = model_info.get(f"{model_info.get('general.architecture')}.{name}")
    return number if isinstance(number, int) else None


def _member(value: object, name: str, kind: type[Any]) -> Any:
    member = value.get(name) if isinstance(value, dict) else None
    if not isinstance(member, kind):
        raise failures.not_understood()
    return member
