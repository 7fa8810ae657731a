"""A machine that measures: registers that a test starts anew or breaks, and an installation small enough to hash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.attester import TdxAttester
from attestation.errors import AttestationError
from attestation.eventlog import APPLICATION_REGISTER, build_ccel, extend, parse_event_log
from attestation.quote import parse_quote
from attestation.reference_models import ReferenceModel
from attestation.reference_values import (
    Measurements,
    ReferenceRelease,
    build_manifest,
    parse_release,
    sign_manifest,
)
from attestation.simulator.boot import RELEASE, boot_events
from attestation.simulator.platform import Platform
from attestation.simulator.td_report import Td
from attestation.workload import judge_events
from confchat.event_log_file import EventLogFile
from confchat.file_digests import FileDigests
from confchat.llm import ModelDescription
from confchat.measuring import Measurer, Places
from confchat.reference_release import program_files
from confchat.workload import Proof, Workload
from tests.confchat.ollama_stand_in import DIGEST, store_model

MODEL = "deepseek-r1:70b"
STATEMENT = b"a statement"
PLATFORM = Platform.create(datetime(2026, 9, 1, tzinfo=UTC), seed=b"measuring")
DESCRIBED = ModelDescription(
    name=MODEL,
    digest=f"sha256:{DIGEST}",
    backend="ollama/0.12.6",
    context_length=4096,
    thinks=True,
    simulated_thinking=False,
    size=1,
)


class Hardware:
    """Quotes and RTMR3 of one TD; several attesters may ask it, as several processes of one machine do."""

    name = "simulator"
    trust_anchor: Literal["simulator"] = "simulator"

    def __init__(self) -> None:
        self.rtmr3 = bytes(48)
        self.extensions = 0
        self.quotes = 0
        self.fails_before: AttestationError | None = None
        self.fails_after: AttestationError | None = None

    def quote(self, report_data: bytes) -> bytes:
        self.quotes += 1
        return PLATFORM.quote(Td(report_data=report_data, rtmr3=self.rtmr3))

    def extend(self, digest: bytes) -> None:
        if self.fails_before is not None:
            raise self.fails_before
        self.rtmr3 = extend(self.rtmr3, digest)
        self.extensions += 1
        if self.fails_after is not None:
            raise self.fails_after

    def firmware_log(self) -> bytes:
        return build_ccel(boot_events(RELEASE)) + b"\xff" * 64

    def reboot(self) -> None:
        """Start the machine anew, under the feet of whatever runs."""
        self.rtmr3 = bytes(48)


class Site:
    """One installation below a directory: its files, its model, the address of its model server, and its log."""

    def __init__(self, directory: Path, *, host: str) -> None:
        self.root, self.models, self.log = directory / "root", directory / "models", directory / "events.aael"
        self.host = host
        self._attesters: list[TdxAttester] = []
        self.program = self.root / "confchat" / "program.py"
        self.program.parent.mkdir(parents=True)
        self.program.write_text("'a program'\n")
        (self.root / "manage.py").write_text("'the command'\n")
        store_model(self.models, MODEL)

    @property
    def weights(self) -> Path:
        return next((self.models / "blobs").iterdir())

    def measurer(self) -> Measurer:
        return Measurer(Places(root=self.root, model_host=self.host, models=self.models))

    def released(self, *, version: str = "0.1.0") -> ReferenceRelease:
        """Sign a release of what is there now."""
        measurer, key = self.measurer(), Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))
        model, server = measurer.model(MODEL), measurer.model_server(DESCRIBED)
        assert model is not None
        assert server is not None
        td = Td(report_data=bytes(64))
        names = tuple(Measurements.__dataclass_fields__)
        manifest = build_manifest(
            version=version,
            issued_at=0,
            expires_at=1,
            platform="simulator",
            measurements=[replace(Measurements(**{name: getattr(td, name) for name in names}), rtmr3=None)],
            models=[ReferenceModel(name=MODEL, digest=model.manifest, blobs=model.blobs)],
            model_servers=[server],
            files=program_files(self.root, FileDigests()),
        )
        return parse_release(manifest, sign_manifest(manifest, key), release_key=key.public_key().public_bytes_raw())

    def workload(self, hardware: Hardware, *, models: bool = True) -> Workload:
        """Return what measures, as one process has it; `models` says whether the models' files are here."""
        places = Places(root=self.root, model_host=self.host, models=self.models if models else None)
        attester = TdxAttester(hardware, measurement=hardware)
        self._attesters.append(attester)
        return Workload(attester, Measurer(places), EventLogFile(self.log))

    def close(self) -> None:
        """End what asks the hardware."""
        for attester in self._attesters:
            attester.close()


async def prove(workload: Workload, release: ReferenceRelease) -> Proof:
    """Measure and quote as a handshake does."""
    await workload.measure(DESCRIBED, release)
    return await workload.prove(STATEMENT, DESCRIBED, release)


def events_of(proof: Proof) -> list[str]:
    """Return what was measured, by operation; fails unless the logs lead to RTMR3 of the quote."""
    log = parse_event_log(proof.ccel, proof.aael)
    assert log.is_continuous
    assert log.registers()[APPLICATION_REGISTER] == parse_quote(proof.quote).report.rtmr3
    return [(event.line or "").split(" ", 2)[1] for event in log.application]


def judge(proof: Proof, release: ReferenceRelease) -> None:
    """Judge as both verifiers do: the first event that is not the release's raises `AppraisalError`."""
    assert events_of(proof)
    judge_events(parse_event_log(proof.ccel, proof.aael), release)
