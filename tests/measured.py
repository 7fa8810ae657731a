"""What a machine measures that runs exactly a release, and the logs that it then shows."""

from __future__ import annotations

from attestation.eventlog import application_event, replay
from attestation.reference_values import ReferenceRelease
from attestation.workload import MeasuredApplication, MeasuredModel, files_digest, write_event


def lines_of(release: ReferenceRelease) -> list[str]:
    """Return the application's events, in a fixed order."""
    application = MeasuredApplication(
        release=f"sha256:{release.digest.hex()}", files=files_digest(release.files), differs=()
    )
    models = [MeasuredModel(name=item.name, manifest=item.digest, blobs=item.blobs) for item in release.models]
    return [write_event(item) for item in (application, *release.model_servers, *models)]


def rtmr3_of(lines: list[str]) -> bytes:
    """Return RTMR3 after these events."""
    return replay(application_event(line) for line in lines)[3]
