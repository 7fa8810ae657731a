"""Unlocked models locked again: on request, when attestation fails, and when whatever keeps them open ends."""

from __future__ import annotations

import asyncio
import logging
import time

from django.conf import settings

from attestation.errors import ConfigurationError
from confchat.checks import is_loopback, model_host
from confchat.engines import OLLAMA
from confchat.errors import ModelError
from confchat.llm.endpoint import TimeLimits
from confchat.llm.ollama import OllamaModel
from confchat.model_opening import MOUNTED_AS, close_model, file_system_of, is_open
from confchat.model_records import ModelRecord, records_of_installation
from confchat.model_requests import ask_to_lock
from confchat.model_states import LockError, ModelState, ModelStates, states_of_installation
from confchat.vault.errors import VaultError

# Locking does not wait longer than this for a model server that hangs.
LETTING_GO = TimeLimits(connect_s=2.0, description_s=5.0)

logger = logging.getLogger(__name__)


def lock_all(*, why: str) -> None:
    """Lock every model of this installation; what cannot be locked is logged, and tried again by whoever asks next."""
    try:
        records = records_of_installation()
    except ConfigurationError as error:
        logger.error("no model could be locked: %s", error)
        return
    states = states_of_installation()
    for record in records:
        try:
            lock_model(record, states, why=why)
        except LockError as error:
            logger.error("%s: %s", record.name, error)


def lock_model(record: ModelRecord, states: ModelStates, *, why: str) -> None:
    """Have one model locked, by the process that keeps it open or, where there is none, by this one.

    Raises:
        LockError: it is not locked.
    """
    if not ask_to_lock(states.socket(record.name), why=why):
        close(record, states, why=why)


def close(record: ModelRecord, states: ModelStates, *, why: str) -> None:
    """Close one model, unless it is closed; its model server is asked to forget it first.

    Raises:
        LockError: it cannot be closed; that stands in its state, too.
    """
    before = states.read(record.name)
    is_mounted = file_system_of(record.mount) == MOUNTED_AS
    if before is None or not (before.state == "unlocked" or is_mounted or is_open(record.mount)):
        return
    _let_go(record)
    at = int(time.time())
    try:
        close_model(record.mount, was=before.way or "mount")
    except VaultError as error:
        states.write(record.name, ModelState(state="unlocked", at=at, way=before.way, fault=f"not locked: {error}"))
        raise LockError(f"{record.name} could not be locked: {error}") from error
    states.write(record.name, ModelState(state="locked", at=at, fault=why))
    logger.info("%s: locked: %s", record.name, why or "on request")


def _let_go(record: ModelRecord) -> None:
    """Ask the configured Ollama to give a model's memory back; one that does not is no reason to leave it open."""
    host = model_host()
    if record.command or settings.CONFCHAT_ENGINE != OLLAMA or not host or not is_loopback(host):
        return
    try:
        asyncio.run(_unload(host, record.model))
        logger.info("%s: Ollama let it go", record.name)
    except ModelError as error:
        logger.warning("%s: Ollama may have it in memory still: %s", record.name, error)


async def _unload(host: str, name: str) -> None:
    model = OllamaModel(host, limits=LETTING_GO)
    try:
        await model.unload(name)
    finally:
        await model.close()
