"""The files that a model server other than Ollama was given: one GGUF file, or a Hugging Face directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attestation.workload import files_digest
from confchat.file_digests import FileDigests, Progress, Stamp, stamp_of


@dataclass(frozen=True, slots=True)
class ServedWeights:
    """The files at a path; all methods block, and raise `OSError` where something cannot be read.

    Which files the server has opened is its own affair: that they are these is a matter of how it is started.
    """

    path: Path
    digests: FileDigests

    def files(self) -> list[tuple[str, Path]]:
        """Return every file with its name below the path, sorted by name."""
        if self.path.is_file():
            return [(self.path.name, self.path)]
        found = [(each.relative_to(self.path).as_posix(), each) for each in self.path.rglob("*") if each.is_file()]
        if not found:
            raise FileNotFoundError(f"there are no files in {self.path}")
        return sorted(found)

    def listing(self, progress: Progress | None = None) -> dict[str, str]:
        """Return SHA-256 (hex) of every file by its name; a file that stays as it was is not read again."""
        return {name: self.digests.of(path, progress=progress) for name, path in self.files()}

    def identify(self) -> tuple[str, int]:
        """Return one digest over names and files, `sha256:` and 64 hex digits, and the bytes of all."""
        return files_digest(self.listing()), self.size()

    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(path.stat().st_size for _, path in self.files())

    def stamps(self) -> tuple[Stamp, ...]:
        """Return what tells whether a file changed."""
        return tuple(stamp_of(path) for _, path in self.files())
