"""An encrypted model unlocked: evidence to the broker, the key back, the model opened; one log line a step.

The order is such that nothing is asked for in vain and nothing opened unseen: the manifest's signature first, then
what is stored, then the key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from attestation import publication
from attestation.attester import TdxAttester
from attestation.encoding import b64decode, b64encode
from attestation.errors import AttestationError, MalformedError
from attestation.eventlog import APPLICATION_REGISTER, application_event
from attestation.kbs import KeyBrokerError, Release
from attestation.quote import parse_quote
from attestation.reference_values import ReferenceRelease
from confchat.event_log_file import EventLogFile
from confchat.key_broker import client_of
from confchat.model_opening import Way, can_mount, check_stored, close_model, decrypt_model, is_open, mount_model
from confchat.model_records import ModelRecord
from confchat.model_states import ModelState, ModelStates, Shown, Step, UnlockError, states_of_installation
from confchat.vault.errors import OtherModelError, VaultError
from confchat.vault.manifest import Manifest
from confchat.vault.model_directory import read_manifest

logger = logging.getLogger(__name__)

SHOW_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Unlocking:
    """What unlocks and locks the models of one installation."""

    attester: TdxAttester
    states: ModelStates
    events: EventLogFile
    releases: Callable[[], Sequence[ReferenceRelease]]
    clock: Callable[[], float] = time.time

    def unlock(self, record: ModelRecord) -> None:
        """Unlock one model; blocks. One that is unlocked stays so. `SystemExit`, from a signal, leaves it locked.

        Raises:
            UnlockError: it stays locked, and nothing of it is in clear anywhere.
        """
        before = self.states.read(record.name)
        if before is not None and before.state == "unlocked" and is_open(record.mount):
            logger.info("%s: is unlocked already", record.name)
            return
        way: Way = "mount" if record.opening != "decrypt" and (record.opening == "mount" or can_mount()) else "decrypt"
        progress = _Progress(self.states, record.name, way, self.clock)
        with self._failing(record, way):
            progress.begin("manifest")
            manifest = _manifest_of(record)
            logger.info("%s: the manifest of %d files is its owner's", record.name, len(manifest.files))
            progress.begin("stored")
            check_stored(record.source, manifest, show=progress.show)
            logger.info("%s: what is stored is what the manifest names", record.name)
            progress.begin("evidence")
            shown = self._open(record, manifest, way, progress)
            at = int(self.clock())
            self.states.write(record.name, ModelState(state="unlocked", at=at, way=way, shown=shown, confirmed_at=at))
        logger.info("%s: unlocked at %s (%s)", record.name, record.mount, way)

    def note_confirmed(self, record: ModelRecord) -> None:
        """Write down that the broker would give the key of a model that is open. Raises `OSError`."""
        before = self.states.read(record.name)
        if before is not None and before.state == "unlocked":
            self.states.write(record.name, replace(before, confirmed_at=int(self.clock())))

    async def confirm(self, record: ModelRecord) -> None:
        """See that the broker would still give the key of a model that is open; the key is wiped unseen.

        Raises:
            AttestationError: it does not, or this machine has nothing to show.
        """
        (await self._fetch(record)).secret.wipe()
        logger.info("%s: the broker would give its key again", record.name)

    def _open(self, record: ModelRecord, manifest: Manifest, way: Way, progress: _Progress) -> Shown:
        """Ask for the key, open the model with it, and say what was shown for it."""
        line = self._line_of_opening(record)
        release = asyncio.run(self._fetch(record))
        with release.secret as secret:
            logger.info("%s: the broker gave %s", record.name, record.key)
            progress.begin("open")
            if way == "mount":
                mount_model(record.source, record.mount, secret)
            else:
                decrypt_model(record.source, record.mount, secret, manifest, show=progress.show)
        if line:
            self._measure_opening(line, record, way)
        return _shown(release, record, manifest)

    async def _fetch(self, record: ModelRecord) -> Release:
        if record.variables_event:
            await self._measure(record.variables_event)
        logger.info("%s: showing evidence of this machine to %s", record.name, record.broker.url)
        return await client_of(record.broker, self.attester).fetch(record.key)

    def _line_of_opening(self, record: ModelRecord) -> str:
        """Return the line that proves the opening; empty unless each release that this machine may run names it."""
        releases = self.releases()
        if releases and all(record.opening_event in release.events for release in releases):
            return record.opening_event
        logger.info("%s: not every release here names its opening: that will be this machine's word alone", record.name)
        return ""

    def _measure_opening(self, line: str, record: ModelRecord, way: Way) -> None:
        """Extend RTMR3 with the opening of a model that is open; one that cannot be measured is closed again."""
        try:
            asyncio.run(self._measure(line))
        except (AttestationError, OSError):
            close_model(record.mount, was=way)
            raise
        logger.info("%s: its opening is measured into RTMR3", record.name)

    async def _measure(self, line: str) -> None:
        """Extend RTMR3 with a line, unless it was since the machine started."""
        with self.events.held():
            known = self.events.read((await self.attester.registers())[APPLICATION_REGISTER])
            if line not in known.lines:
                self.events.add(known, line)
                await self.attester.extend(application_event(line).digest)

    @contextmanager
    def _failing(self, record: ModelRecord, way: Way) -> Iterator[None]:
        """Write down why a model stays locked, and say it."""
        try:
            yield
        except SystemExit:
            close_model(record.mount, was=way)
            self.states.write(
                record.name, ModelState(state="locked", at=int(self.clock()), fault="unlocking was ended")
            )
            raise
        except (VaultError, AttestationError, KeyBrokerError, OSError) as error:
            code = getattr(error, "code", "storage")
            reason = str(error) if not isinstance(error, OSError) else error.strerror or "the disk failed"
            state = ModelState(state="failed", at=int(self.clock()), fault=f"{code}: {reason}")
            self.states.write(record.name, state)
            logger.warning("%s: stays locked: %s: %s", record.name, code, reason)
            raise UnlockError(f"{record.name} stays locked. {code}: {reason}") from error


def _manifest_of(record: ModelRecord) -> Manifest:
    """Return the manifest that a record names. Raises `VaultError`."""
    manifest = read_manifest(record.source, owner_key=record.owner_key)
    if record.manifest is None:
        logger.warning("%s: its record names no manifest; any model of this owner is taken", record.name)
    elif record.manifest != manifest.digest:
        raise OtherModelError(
            "What lies there is its owner's, but not the model that the record names: perhaps an older one. "
            f"Its manifest is {manifest.digest}."
        )
    return manifest


def unlocking_of_installation(attester: TdxAttester) -> Unlocking:
    """Return what unlocks this installation's models."""
    events = EventLogFile(settings.CONFCHAT_DATA_DIR / "events.aael")
    return Unlocking(attester, states_of_installation(), events, publication.releases)


class _Progress:
    """Tells the page how far a step is, once a second at most."""

    def __init__(self, states: ModelStates, name: str, way: Way, clock: Callable[[], float]) -> None:
        self._states = states
        self._name = name
        self._clock = clock
        self._state = ModelState(state="unlocking", at=int(clock()), way=way)
        self._said_at = 0.0

    def begin(self, step: Step) -> None:
        self._state = replace(self._state, step=step, done=0, total=0)
        self._states.write(self._name, self._state)

    def show(self, done: int, total: int) -> None:
        if self._clock() - self._said_at >= SHOW_EVERY_S:
            self._said_at = self._clock()
            self._states.write(self._name, replace(self._state, done=done, total=total))


def _shown(release: Release, record: ModelRecord, manifest: Manifest) -> Shown:
    report = parse_quote(release.evidence.quote).report
    rtmrs = (report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3)
    return Shown(
        mr_td=report.mr_td.hex(),
        rtmrs=tuple(each.hex() for each in rtmrs),
        policies=_policies(release.token),
        protocol=release.protocol,
        broker=record.broker.url,
        owner_key=b64encode(record.owner_key),
        manifest=manifest.digest,
    )


def _policies(token: str) -> tuple[str, ...]:
    """Return the names of the policies in a broker's token, as far as it names any; its word, unverified."""
    try:
        claims = json.loads(b64decode(token.split(".")[1]))
        submods: Mapping[str, Any] = claims.get("submods") or {}
        named = [submod.get("ear.appraisal-policy-id") for submod in submods.values()]
        reports = claims.get("evaluation-reports") or []
        named += [report.get("policy-id") for report in reports]
    except (IndexError, ValueError, AttributeError, TypeError, MalformedError):
        return ()
    return tuple(sorted({name for name in named if isinstance(name, str)}))
