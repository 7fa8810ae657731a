"""The embedded development model: a process that speaks Ollama's API on this machine's own address.

    python -m confchat.llm.devserver --models var/models --port 11435

It imports no Django and reads the directory that `confchat.llm.devmodel` fills, or any other OLLAMA_MODELS directory.
"""

from __future__ import annotations

import argparse
import ipaddress
import signal
import sys
from pathlib import Path

import uvicorn

from confchat.errors import ModelError
from confchat.llm.devapi import DevApi
from confchat.llm.devengine import EngineError
from confchat.llm.devengines import Engines
from confchat.llm.modelstore import ModelStore

END_CONNECTIONS_S = 2
BACKLOG = 1024


def main(arguments: list[str]) -> None:
    """Load the newest model, so that the first answer need not wait for it, then serve until told to end."""
    options = _parse_arguments(arguments)
    store, engines = ModelStore(options.models), Engines()
    models = store.list_models()
    try:
        if models:
            engines.load(models[0])
    except (ModelError, EngineError) as error:
        sys.exit(f"The model {models[0].name} was not loaded: {error}")
    # uvicorn raises the signal that ended it once more; by itself that would kill this process before it cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.run(
            DevApi(store, engines),
            host=options.host,
            port=options.port,
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=END_CONNECTIONS_S,
        )
    finally:
        engines.close()


def _parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m confchat.llm.devserver", description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="a directory in the layout of OLLAMA_MODELS")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=11435)
    return parser.parse_args(arguments)


def _loopback(host: str) -> str:
    """Return a loopback address: who reaches this server needs no password."""
    if not ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
        raise argparse.ArgumentTypeError("only loopback addresses: whoever reaches this server may use it")
    return host


if __name__ == "__main__":
    main(sys.argv[1:])
