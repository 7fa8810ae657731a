"""`manage.py serve`: set up what is missing, start everything, and end it together."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from attestation.errors import AttestationError
from confchat.announcement import Choices, announcement
from confchat.installation import Installation, exclusive_use, install
from confchat.model_choice import ModelChoice, choose_model, embedded_models_dir
from confchat.programs import (
    build_model_server,
    build_simulator,
    build_watch,
    build_web_server,
    free_port,
    open_listener,
)
from confchat.supervisor import Program, ProgramError, Supervisor


class Command(BaseCommand):
    """Serve until Ctrl-C or SIGTERM."""

    help = "Set up what is missing and serve, with the simulated platform and the embedded model where they are used."

    def handle(self, *args: Any, **options: Any) -> None:
        """Hold the data directory and the address, then start the programs."""
        try:
            with exclusive_use(settings.CONFCHAT_DATA_DIR), _listener() as listener:
                model = asyncio.run(choose_model())
                installation = install(models=model.references, report=self._report)
                programs = _programs(listener, model, installation)
                supervisor = Supervisor(programs, report=self._report)
                asyncio.run(supervisor.run(when_ready=lambda: self._announce(model, installation)))
        except (AttestationError, ProgramError) as error:
            raise CommandError(str(error)) from error

    def _report(self, line: str) -> None:
        self.stdout.write(f"· {line}")
        self.stdout.flush()  # also where the output is a file or a journal

    def _announce(self, model: ModelChoice, installation: Installation) -> None:
        choices = Choices(
            tdx=str(settings.CONFCHAT_SIMULATOR_DIR if installation.is_simulated else installation.quotes_from),
            is_tdx_simulated=installation.is_simulated,
            model=settings.CONFCHAT_MODEL,
            model_host=model.host,
            is_model_embedded=model.is_embedded,
            model_fault=model.fault,
        )
        for line in announcement(settings.CONFCHAT_ORIGINS[0], installation.accounts, choices):
            self.stdout.write(line)
        self.stdout.flush()


def _listener() -> socket.socket:
    try:
        return open_listener(settings.CONFCHAT_HOST, settings.CONFCHAT_PORT)
    except OSError as error:
        place = f"{settings.CONFCHAT_HOST}:{settings.CONFCHAT_PORT}"
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"Another program listens on {place}; choose another port with PORT=") from error
        raise CommandError(f"Cannot listen on {place}: {error.strerror}") from error


def _programs(listener: socket.socket, model: ModelChoice, installation: Installation) -> list[Program]:
    programs = []
    if installation.is_simulated and not settings.CONFCHAT_SIMULATOR_RUNS:
        programs.append(build_simulator(settings.CONFCHAT_SIMULATOR_DIR))
    host = model.host
    if model.is_embedded:
        port = free_port()
        host = f"http://127.0.0.1:{port}"
        programs.append(build_model_server(embedded_models_dir(), port=port))
    web = build_web_server(
        listener,
        host_name=urlsplit(settings.CONFCHAT_ORIGINS[0]).hostname or "",
        model_host=host,
        is_model_embedded=model.is_embedded,
        model=settings.CONFCHAT_MODEL,
    )
    return [*programs, web, *([build_watch()] if settings.CONFCHAT_WATCH_MINUTES else [])]
