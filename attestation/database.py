"""Django's database thread, for whoever writes history: functions that block become coroutines, errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseFault
from django.db import close_old_connections

from attestation.errors import UnavailableError

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def in_database(function: Callable[_Arguments, _Answer]) -> Callable[_Arguments, Awaitable[_Answer]]:
    """Return `function` as a coroutine that runs in Django's database thread.

    Raises:
        UnavailableError: (the coroutine) the database refused.
    """

    def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        except DatabaseFault as error:
            raise UnavailableError("the attestation history cannot be read or written") from error
        finally:
            close_old_connections()

    return sync_to_async(call)


def start_apart(work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
    """Run work in a task that outlives the request that it is started in.

    A request may lend its own thread to the database (asgiref keeps that in the context, which tasks inherit) and take
    it away when it ends: such a task begins with an empty context.
    """
    return asyncio.get_running_loop().create_task(work, name=name, context=Context())
