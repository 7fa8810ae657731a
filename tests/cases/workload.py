"""One case per rule of `td.workload`, and what each means for RTMR3 in `td.measurements`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from attestation.encoding import b64encode
from attestation.eventlog import EV_EFI_ACTION, application_event, build_ccel, write_aael
from attestation.simulator.boot import RELEASE, boot_events
from attestation.simulator.td_report import Td
from tests.cases.case import Case
from tests.cases.scene import MODEL, Scene, measure

BOOT = boot_events(RELEASE)
OTHER_DIGEST = "sha256:" + hashlib.sha256(b"another").hexdigest()
APPLICATION, SERVER, FOREIGN, MODEL_LINE = range(4)
UNMEASURED = {"workload": "accept-unmeasured"}


def cases() -> Iterator[Case]:
    yield from _other_events()
    yield from _missing_events()
    yield from _logs()
    yield from _damaged_logs()
    yield from _unmeasured()


def changed(line: int, **members: Any) -> Scene:
    """Return a scene in which one event says something else, and was measured so."""

    def change(lines: list[str]) -> list[str]:
        domain, operation, content = lines[line].split(" ", 2)
        content = json.dumps({**json.loads(content), **members})
        return [*lines[:line], f"{domain} {operation} {content}", *lines[line + 1 :]]

    return Scene(workload=change)


def _both(code: str) -> dict[str, str]:
    return {"td.measurements": code, "td.workload": code}


def _other_events() -> Iterator[Case]:
    scenes = {
        "application_differs: other files": changed(APPLICATION, files=OTHER_DIGEST, differs=["static/js/main.js"]),
        "application_differs: other files, unnamed": changed(APPLICATION, files=OTHER_DIGEST),
        "server_differs: another program": changed(SERVER, binary=OTHER_DIGEST),
        "server_differs: another version": changed(SERVER, server="ollama/0.5.7"),
        "server_differs: debugging": changed(SERVER, settings=["OLLAMA_DEBUG=1", "OLLAMA_NO_CLOUD=1"]),
        "server_differs: fewer settings": changed(SERVER, settings=[]),
        "model_differs: another manifest": changed(MODEL_LINE, manifest=OTHER_DIGEST),
        "model_differs: another model": changed(MODEL_LINE, name="deepseek-r1:70b"),
        "blob_differs: the weights": changed(MODEL_LINE, blobs=[_blob(0), OTHER_DIGEST]),
        "blob_differs: one is missing": changed(MODEL_LINE, blobs=[_blob(0)]),
        "blob_differs: not even a digest": changed(MODEL_LINE, blobs=[_blob(0), "unreadable"]),
        "event_unknown: another member": changed(MODEL_LINE, size=1),
        "event_unknown: not a digest": changed(MODEL_LINE, manifest="sha256:00"),
        "event_unknown: not texts": changed(SERVER, settings=[1]),
        "event_unknown: of somebody else": Scene(workload=lambda lines: [*lines, "agent.example/guest stopped 1"]),
        "event_unknown: no such operation": Scene(workload=lambda lines: [*lines, "confchat secret {}"]),
        "event_unknown: no JSON": Scene(workload=lambda lines: [*lines, "confchat model none"]),
        "event_unknown: empty": Scene(workload=lambda lines: [*lines, "confchat model "]),
        "model_differs: after a good one": Scene(
            workload=lambda lines: [*lines, lines[MODEL_LINE].replace(MODEL[1], OTHER_DIGEST)]
        ),
    }
    for name, scene in scenes.items():
        yield Case(name=name, scene=scene, fails=_both(name.partition(":")[0]))
    yield Case(
        name="application_differs: another release",
        scene=changed(APPLICATION, release=OTHER_DIGEST),
        fails={"td.workload": "application_differs"},
    )
    yield Case(
        name="good: another release before, of the same files",
        scene=Scene(
            workload=lambda lines: [changed(APPLICATION, release=OTHER_DIGEST).workload(lines)[APPLICATION], *lines]
        ),
    )
    yield Case(name="good: measured twice", scene=Scene(workload=lambda lines: lines * 2))
    yield Case(name="good: in another order", scene=Scene(workload=lambda lines: lines[::-1]))


def _missing_events() -> Iterator[Case]:
    for line, name in ((APPLICATION, "application"), (SERVER, "model server"), (MODEL_LINE, "model")):
        yield Case(
            name=f"not measured: {name}",
            scene=Scene(workload=lambda lines, line=line: lines[:line] + lines[line + 1 :]),  # type: ignore[misc]
            unknown=("td.workload",),
        )
        yield Case(
            name=f"not measured, and accepted: {name}",
            scene=Scene(workload=lambda lines, line=line: lines[:line] + lines[line + 1 :], policy=UNMEASURED),  # type: ignore[misc]
            left_out=("td.workload",),
        )
    yield Case(name="good: without an event of somebody else", scene=Scene(workload=_without_foreign))


def _without_foreign(lines: list[str]) -> list[str]:
    return lines[:FOREIGN] + lines[FOREIGN + 1 :]


def _logs() -> Iterator[Case]:
    """Logs that say something else than what was measured."""
    lines = _lines()
    fewer, swapped = lines[:-1], [lines[1], lines[0], *lines[2:]]
    for name, others in (("an event is missing", fewer), ("another order", swapped), ("one twice", [*lines, lines[0]])):
        yield Case(
            name=f"event_log_differs: {name}",
            scene=Scene(spoiled={"evidence.event_log.aael": write_aael(bytes(48), others)}),
            fails={"td.measurements": "measurements_differ", "td.workload": "event_log_differs"},
        )
    yield Case(
        name="event_log_begins: elsewhere",
        scene=Scene(spoiled={"evidence.event_log.aael": write_aael(b"\x01" * 48, lines)}),
        fails=_both("event_log_begins"),
    )
    yield Case(
        name="event_unknown: a byte of an event",
        scene=Scene(
            spoiled={"evidence.event_log.aael": write_aael(bytes(48), lines).replace("confchat m", "confchau m")}
        ),
        fails=_both("event_unknown"),
    )
    whole = (*BOOT, *(application_event(line) for line in lines))
    yield Case(name="good: all in one log", scene=Scene(spoiled=_event_log(build_ccel(whole), None)))
    yield Case(name="good: no log of the firmware", scene=Scene(boot=None))
    changed_line = replace(whole[-1], data=whole[-1].data.replace(b"135m", b"136m"))
    yield Case(
        name="event_differs: an application's",
        scene=Scene(spoiled=_event_log(build_ccel((*whole[:-1], changed_line)), None)),
        fails=_both("event_differs"),
    )
    in_rtmr3 = replace(BOOT[0], register=3)
    yield Case(
        name="event_unknown: the firmware's in RTMR3",
        scene=Scene(spoiled=_event_log(build_ccel((*whole, in_rtmr3)), None)),
        fails=_both("event_unknown"),
    )


def _damaged_logs() -> Iterator[Case]:
    """Logs of the firmware: RTMR3 is not its business."""
    good = build_ccel(BOOT)
    action = next(event for event in BOOT if event.type == EV_EFI_ACTION)
    yield Case(
        name="event_differs: the firmware's",
        scene=Scene(spoiled={"evidence.event_log.ccel": b64encode(good.replace(b"Exit Boot", b"Exit boot"))}),
        fails={"td.workload": "event_differs"},
    )
    yield Case(
        name="event_log_differs: a digest",
        scene=Scene(spoiled={"evidence.event_log.ccel": b64encode(good.replace(BOOT[2].digest, bytes(48)))}),
        fails={"td.workload": "event_log_differs"},
    )
    for name, events in (("missing", BOOT[:-1]), ("more", (*BOOT, action))):
        yield Case(
            name=f"event_log_differs: {name}", scene=Scene(boot=events), fails={"td.workload": "event_log_differs"}
        )
    aael = write_aael(bytes(48), _lines())
    for name, members in {
        "an empty log": _event_log(b"", aael),
        "a log cut short": _event_log(good[:-1], aael),
        "bytes behind the log": _event_log(good + b"\xff\xff\xff\xff\x00", aael),
        "an application's log cut short": _event_log(good, aael[:-1]),
        "an application's log without a beginning": _event_log(good, "".join(f"{line}\n" for line in _lines())),
    }.items():
        yield Case(
            name=f"event_log_malformed: {name}",
            scene=Scene(spoiled=members),
            fails={"td.workload": "event_log_malformed"},
            unknown=("td.measurements",),
        )
    yield Case(name="good: a padded log", scene=Scene(spoiled=_event_log(good + b"\xff" * 64, aael)))


def _unmeasured() -> Iterator[Case]:
    nothing = {"workload": lambda lines: None}
    yield Case(name="nothing measured", scene=Scene(**nothing), unknown=("td.workload",))
    yield Case(name="nothing measured, no log at all", scene=Scene(**nothing, boot=None), unknown=("td.workload",))
    yield Case(name="nothing measured, accepted", scene=Scene(**nothing, policy=UNMEASURED), left_out=("td.workload",))
    yield Case(name="measured, where that is not asked for", scene=Scene(policy=UNMEASURED))
    yield Case(
        name="event_log_differs: accepted without measurement, but not with a wrong log of the firmware",
        scene=Scene(**nothing, boot=BOOT[:-1], policy=UNMEASURED),
        fails={"td.workload": "event_log_differs"},
    )
    yield Case(
        name="measurements_differ: RTMR3 without a log of it",
        scene=Scene(**nothing, td={"rtmr3": b"\x01" * 48}, policy=UNMEASURED),
        fails={"td.measurements": "measurements_differ"},
        left_out=("td.workload",),
    )
    fixed = replace(measure(Td(report_data=bytes(64))), rtmr3=b"\x01" * 48)
    yield Case(
        name="nothing explained: RTMR3 as the release fixes it",
        scene=Scene(**nothing, td={"rtmr3": b"\x01" * 48}, release={"measurements": [fixed]}),
        unknown=("td.workload",),
    )
    yield Case(
        name="blob_differs: where measuring is not asked for",
        scene=replace(changed(MODEL_LINE, blobs=[_blob(0), OTHER_DIGEST]), policy=UNMEASURED),
        fails=_both("blob_differs"),
    )


def _event_log(ccel: bytes, aael: str | None) -> dict[str, Any]:
    return {"evidence.event_log": {"ccel": b64encode(ccel), "aael": aael}}


def _lines() -> list[str]:
    text: str = Scene().build()["evidence"]["event_log"]["aael"]
    return text.splitlines()[1:]


def _blob(index: int) -> str:
    blobs: list[str] = json.loads(_lines()[MODEL_LINE].split(" ", 2)[2])["blobs"]
    return blobs[index]
