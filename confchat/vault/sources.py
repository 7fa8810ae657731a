"""Models as people have them, as lists of files: an Ollama model, a GGUF file, a directory from Hugging Face."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from confchat.errors import ModelError
from confchat.llm.gguf import MAGIC
from confchat.llm.modelstore import ModelStore
from confchat.vault.errors import SourceError, StorageError
from confchat.vault.writer import SourceFile

# One of these says that a directory is a model; ModelScope writes the second.
_DESCRIPTIONS = ("config.json", "configuration.json")
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt", ".pth")
# What downloads leave beside a model (git, huggingface_hub, modelscope): no part of it.
_LEFTOVERS = frozenset({".git", ".cache", ".huggingface", ".msc", ".mdl", "._____temp", ".DS_Store"})


def find_source(source: str, *, ollama_models: Path) -> list[SourceFile]:
    """Return the files of a path, or of a model's name below `ollama_models`; each is placed as its engine wants it.

    Raises:
        SourceError: neither a path nor a model's name, or not a model; says why.
        StorageError: it cannot be read.
    """
    path = Path(source)
    try:
        if path.is_dir():
            return _directory(path)
        if path.exists():
            return [_gguf_file(path)]
        return _ollama_model(source, ollama_models)
    except OSError as error:
        raise StorageError(f"{error.filename or source} cannot be read: {error.strerror}.") from error


def _gguf_file(path: Path) -> SourceFile:
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise SourceError(f"{path} is not a GGUF file.")
    return SourceFile(path=PurePosixPath(path.name), file=path)


def _ollama_model(name: str, directory: Path) -> list[SourceFile]:
    try:
        files = ModelStore(directory).files_of(name)
    except ModelError as error:
        raise SourceError(f"{name} is neither a path nor a model in {directory}.") from error
    paths = dict.fromkeys([files.manifest, *(blob for _, blob in files.blobs)])
    for path in paths:
        if not path.is_file():
            raise SourceError(f"The model {name} is not whole: {path.name} is missing.")
    return [SourceFile(path=PurePosixPath(path.relative_to(directory)), file=path) for path in paths]


def _directory(path: Path) -> list[SourceFile]:
    if (path / "manifests").is_dir() and (path / "blobs").is_dir():
        raise SourceError(f"{path} holds all models of an Ollama: name one of them, with --ollama-models {path}.")
    files = [SourceFile(path=inner, file=path / inner) for inner in sorted(_walk(path, PurePosixPath()))]
    names = {file.path.as_posix() for file in files}
    if not names & set(_DESCRIPTIONS):
        raise SourceError(f"{path} is not a model: it has no config.json.")
    if not any(name.endswith(_WEIGHTS) for name in names):
        raise SourceError(f"{path} is not a whole model: it has no weights ({', '.join(_WEIGHTS)}).")
    return files


def _walk(root: Path, inner: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield files; a link to a file counts as the file, since that is how Hugging Face's cache keeps them."""
    with os.scandir(root / inner) as entries:
        found = [entry for entry in entries if entry.name not in _LEFTOVERS]
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, inner / entry.name)
        elif entry.is_file():
            yield inner / entry.name
        else:
            raise SourceError(f"{entry.path} is neither a file nor a directory, or a link that leads nowhere.")
