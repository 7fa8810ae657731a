"""One case per rule of `td.*`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from attestation.encoding import b64encode
from attestation.reference_values import build_manifest, sign_manifest
from attestation.simulator.boot import measure as measure_label
from attestation.simulator.td_report import SEPT_VE_DISABLE, Td, build_attributes
from tests.cases.case import Case
from tests.cases.scene import NOW, OTHER_KEY, RELEASE_KEY, Scene, measure

TD = Td(report_data=bytes(64))
SERVICE_TD = measure_label("service TD")
_UNSIGNED = ("release_signature: another key", "release_signature: none")
_WORKLOAD_FAULTS = {
    name: {"td.workload": "model_differs"} for name in ("model_differs: another digest", "model_differs: no models")
}
MEASURED = ("mr_td", "mr_seam", "mr_config_id", "mr_owner", "mr_owner_config")
RTMRS = ("rtmr0", "rtmr1", "rtmr2", "rtmr3")


def cases() -> Iterator[Case]:
    yield from _attributes()
    yield from _measurements()
    yield from _releases()


def _attributes() -> Iterator[Case]:
    bits = {
        "td_debug": (0,),
        "td_profiling": (4, 5, 6),
        "td_migratable": (29,),
        "td_service_td_extension": (17,),
        "td_reserved": (1, 3, 7, 8, 15, 18, 26, 32, 61, 62),
    }
    for code, positions in bits.items():
        for bit in positions:
            attributes = build_attributes(SEPT_VE_DISABLE, 1 << bit)
            yield Case(
                name=f"{code}: bit {bit}",
                scene=Scene(td={"td_attributes": attributes}),
                fails={"td.attributes": code},
            )
    yield Case(
        name="td_sept_ve: off", scene=Scene(td={"td_attributes": bytes(8)}), fails={"td.attributes": "td_sept_ve"}
    )
    yield Case(
        name="td_debug: before anything else",
        scene=Scene(td={"td_attributes": b"\xff" * 8}),
        fails={"td.attributes": "td_debug"},
    )
    yield Case(
        name="seam_signer: not Intel",
        scene=Scene(td={"mr_signer_seam": b"\x01" * 48}),
        fails={"td.attributes": "seam_signer", "tcb.status": "tcb_module"},
        tcb_status=None,
    )
    yield Case(
        name="seam_attributes: not for production",
        scene=Scene(td={"seam_attributes": b"\x01" + bytes(7)}),
        fails={"td.attributes": "seam_attributes", "tcb.status": "tcb_module"},
        tcb_status=None,
    )
    for name, allowed in (("none allowed", []), ("another is allowed", [(b"\x01" * 48).hex()])):
        yield Case(
            name=f"service_td: {name}",
            scene=Scene(version=5, td={"mr_service_td": SERVICE_TD}, policy={"service_tds": allowed}),
            fails={"td.attributes": "service_td"},
        )


def _measurements() -> Iterator[Case]:
    differ = {"td.measurements": "measurements_differ"}
    for name in MEASURED:
        yield Case(name=f"measurements_differ: {name}", scene=Scene(td={name: b"\x01" * 48}), fails=differ)
    for name in RTMRS:
        scene = Scene(td={name: b"\x01" * 48})
        yield Case(
            name=f"measurements_differ: {name}", scene=scene, fails={**differ, "td.workload": "event_log_differs"}
        )
    yield Case(name="measurements_differ: xfam", scene=Scene(td={"xfam": b"\x07" + bytes(7)}), fails=differ)
    mixed = [
        measure(Td(report_data=bytes(64), rtmr0=b"\x01" * 48)),
        measure(Td(report_data=bytes(64), rtmr1=b"\x01" * 48)),
    ]
    yield Case(
        name="measurements_differ: half of each reference", scene=Scene(release={"measurements": mixed}), fails=differ
    )
    yield Case(name="measurements_differ: no reference", scene=Scene(release={"measurements": []}), fails=differ)
    yield Case(
        name="measurements_differ: RTMR3 is another than the release fixes",
        scene=Scene(release={"measurements": [replace(measure(TD), rtmr3=bytes(48))]}),
        fails=differ,
    )


def _releases() -> Iterator[Case]:
    day, now = timedelta(days=1), NOW
    past, future = int((now - day).timestamp()), int((now + day).timestamp())
    spoiled = {
        "release_unknown: none published": Scene(spoiled={"releases": []}),
        "release_unknown: another digest": Scene(statement={"release_digest": bytes(32)}),
        "release_unknown: another version": Scene(statement={"release_version": "0.1.1"}),
        "release_unknown: for hardware": Scene(release={"platform": "tdx"}),
        "release_signature: another key": Scene(release_key=OTHER_KEY),
        "release_signature: none": Scene(spoiled={"releases": _unsigned()}),
        "release_old: below the floor": Scene(policy={"min_release_version": "0.1.1"}),
        "release_old: versions compare as numbers": Scene(policy={"min_release_version": "0.10.0"}),
        "release_expired: expired": Scene(release={"expires_at": past}),
        "release_expired: not issued yet": Scene(release={"issued_at": future}),
        "model_differs: another digest": Scene(statement={"model_digest": "sha256:" + 64 * "0"}),
        "model_differs: another name": Scene(statement={"model_name": "deepseek-r1:70b"}),
        "model_differs: no models": Scene(release={"models": []}),
    }
    unnamed = {"release_unknown: none published", "release_unknown: another digest", *_UNSIGNED}
    for name, scene in spoiled.items():
        yield Case(
            name=name,
            scene=scene,
            fails={"td.measurements": name.partition(":")[0], **_WORKLOAD_FAULTS.get(name, {})},
            unknown=("td.workload",) if name in unnamed or name == "model_differs: another name" else (),
        )
    other = sign_manifest(_other_manifest(), RELEASE_KEY)
    good = Scene().build()["releases"]
    yield Case(
        name="good: other releases beside the one that is named",
        scene=Scene(
            spoiled={"releases": [_wire(_other_manifest(), other), _wire(_other_manifest(), bytes(64)), *good]}
        ),
    )
    yield Case(
        name="good: a version compares as numbers",
        scene=Scene(
            release={"version": "0.10.0"},
            statement={"release_version": "0.10.0"},
            policy={"min_release_version": "0.9.9"},
        ),
    )
    yield Case(
        name="good: issued within the clock's tolerance",
        scene=Scene(release={"issued_at": int(now.timestamp()) + 120}),
    )


def _unsigned() -> list[dict[str, str]]:
    (release,) = Scene().build()["releases"]
    return [{**release, "signature": ""}]


def _other_manifest() -> bytes:
    return build_manifest(
        version="0.0.9",
        issued_at=1,
        expires_at=2,
        platform="tdx",
        measurements=[measure(TD)],
        models=[],
        model_servers=[],
        files={},
    )


def _wire(manifest: bytes, signature: bytes) -> dict[str, str]:
    return {"manifest": b64encode(manifest), "signature": b64encode(signature)}
