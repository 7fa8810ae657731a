"""What servers of OpenAI's form say of themselves and of what they serve. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confchat.llm import failures

UNKNOWN = "openai"


@dataclass(frozen=True, slots=True)
class Kind:
    """One program: where it says its version and whether its model sees, and what it calls options of its own.

    `sees` is a page and the members that lead to a truth value in it; empty where the program does not say.
    """

    version_path: str
    version_member: str
    repeat_penalty: str
    continues: Mapping[str, Any]
    sees: tuple[str, ...] = ()


# By `owned_by` of /v1/models (vllm entrypoints/openai, sglang srt/entrypoints, llama.cpp tools/server).
KINDS: Mapping[str, Kind] = {
    "vllm": Kind(
        "/version", "version", "repetition_penalty", {"add_generation_prompt": False, "continue_final_message": True}
    ),
    "sglang": Kind(
        "/get_server_info",
        "version",
        "repetition_penalty",
        {"continue_final_message": True},
        ("/get_model_info", "has_image_understanding"),
    ),
    "llamacpp": Kind("/props", "build_info", "repeat_penalty", {}, ("/props", "modalities", "vision")),
}
UNKNOWN_KIND = Kind("", "", "", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One entry of /v1/models; `kind` is a key of `KINDS`, or `UNKNOWN`."""

    name: str
    kind: str
    context_length: int | None


def parse_served(answer: Mapping[str, Any]) -> list[Served]:
    """Return what /v1/models names. Raises `ModelError`."""
    entries = answer.get("data")
    if not isinstance(entries, list):
        raise failures.not_understood()
    return [_parse_entry(entry) for entry in entries]


def parse_embeddings(answer: Mapping[str, Any], *, count: int) -> list[list[float]]:
    """Return the vectors of /v1/embeddings, in the order of their texts. Raises `ModelError`."""
    entries = answer.get("data")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise failures.not_understood()
    vectors = {entry.get("index"): entry.get("embedding") for entry in entries}
    return require_vectors([vectors.get(at) for at in range(count)], count=count)


def require_vectors(found: object, *, count: int) -> list[list[float]]:
    """Return as many vectors as were asked for, all of one length. Raises `ModelError`."""
    if not isinstance(found, list) or len(found) != count or not all(map(_is_vector, found)):
        raise failures.not_understood()
    if len({len(vector) for vector in found}) > 1:
        raise failures.not_understood()
    return [[float(number) for number in vector] for vector in found]


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(number, int | float) for number in value)


def _parse_entry(entry: object) -> Served:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise failures.not_understood()
    meta = entry.get("meta")
    more = meta if isinstance(meta, dict) else {}
    lengths = (entry.get("max_model_len"), more.get("n_ctx"), more.get("n_ctx_train"))
    owner = entry.get("owned_by")
    return Served(
        name=entry["id"],
        kind=owner if isinstance(owner, str) and owner in KINDS else UNKNOWN,
        context_length=next((length for length in lengths if isinstance(length, int)), None),
    )
