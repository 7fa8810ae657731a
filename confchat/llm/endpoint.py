"""A model server that is not Ollama: where it is, how it is asked, and what its errors mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from confchat.errors import ModelError
from confchat.llm import PullStep, failures

MAX_CONNECTIONS = 1024
# A server's error is read to tell what it means, and never passed on.
MAX_ERROR_BYTES = 64 * 1024
_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long each step may take. A first token may wait for a large model to be read from disk."""

    connect_s: float = 5.0
    description_s: float = 10.0
    first_token_s: float = 600.0
    between_tokens_s: float = 120.0
    embedding_s: float = 120.0  # of some passages; the model may have to be read from disk first


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address that answers.

    `model` is the one that is asked for there, `embedding` the one that makes vectors, empty where there is none, and
    `identify` says what each is: a digest (`sha256:` and 64 hex digits) and the bytes of its files, 0 where they are
    not known. `sees` says whether the model takes images, None where the server may be asked. The token is shown to
    nobody but the server.
    """

    url: str
    model: str
    identify: Callable[[str], Awaitable[tuple[str, int]]]
    embedding: str = ""
    sees: bool | None = None
    token: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Return host and port, which may be said: neither a path nor a token stands in it."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def client(
        self, *, headers: Mapping[str, str], transport: httpx.AsyncBaseTransport | None, limits: TimeLimits
    ) -> httpx.AsyncClient:
        """Return a client of this address; it follows no redirection, which could lead elsewhere."""
        connections = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        return httpx.AsyncClient(
            base_url=self.url,
            # A connection that is kept may be closed by the server just as a prompt is sent, which is never sent twice.
            headers={**headers, "connection": "close"},
            transport=transport or AiohttpTransport(limits=connections),
            timeout=httpx.Timeout(None, connect=limits.connect_s, pool=limits.connect_s),
            follow_redirects=False,
            trust_env=False,
        )

    @staticmethod
    def parse_object(data: bytes) -> dict[str, Any]:
        """Return a JSON object. Raises `ModelError` where it is none."""
        try:
            value = json.loads(data)
        except ValueError:
            raise failures.not_understood() from None
        if not isinstance(value, dict):
            raise failures.not_understood()
        return value


async def require_status(response: httpx.Response, name: str) -> None:
    """Refuse an answer that is none. Raises `ModelError`."""
    if response.status_code != _OK:
        words = b""
        async for chunk in response.aiter_bytes():
            words += chunk
            if len(words) > MAX_ERROR_BYTES:
                break
        if response.status_code == _NOT_FOUND:
            raise failures.not_served(name)
        raise failures.refused(name, status=response.status_code, words=words.decode("utf-8", "replace"))


@contextmanager
def translated() -> Iterator[None]:
    """Say what errors of the network mean; they are not chained, since their text may quote what was said."""
    try:
        yield
    except ModelError:
        raise
    except (TimeoutError, httpx.TimeoutException):
        raise failures.too_slow() from None
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError):
        raise failures.unreachable() from None


async def fetch_nothing() -> AsyncGenerator[PullStep, None]:
    """Be what a server that fetches nothing does with a pull. Raises `ModelError`, `unsupported`."""
    steps: tuple[PullStep, ...] = ()
    for step in steps:
        yield step
    raise failures.fetches_nothing()


async def within(limit_s: float, pieces: AsyncGenerator[bytes, None]) -> bytes | None:
    """Return the next piece, None after the last. Raises `TimeoutError`."""
    async with asyncio.timeout(limit_s):
        return await anext(pieces, None)
