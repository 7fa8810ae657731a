"""Which of several known releases a machine names, while one is rolled out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from attestation.encoding import b64decode
from attestation.own_release import own_release
from attestation.policy import MEASUREMENTS
from attestation.quote import parse_quote
from attestation.reference_values import ReferenceRelease, parse_release
from attestation.simulator.td_report import Td
from tests.cases.scene import PLATFORM, TRUST, Scene

COMPARED = frozenset(MEASUREMENTS)
REPORT = parse_quote(PLATFORM.quote(Td(report_data=bytes(64)))).report
FILES = {"manage.py": "00" * 32}


def known(**changes: Any) -> ReferenceRelease:
    (published,) = Scene().build()["releases"]
    manifest, signature = (b64decode(published[name]) for name in ("manifest", "signature"))
    return replace(parse_release(manifest, signature, release_key=b64decode(TRUST["release_key"])), **changes)


def other_boot(**changes: bytes) -> Any:
    return (replace(known().measurements[0], **changes),)


def named(*releases: ReferenceRelease, compared: frozenset[str] = COMPARED) -> str | None:
    found = own_release(REPORT, releases, compared=compared, files=FILES)
    return None if found is None else found.version


def test_a_newer_release_of_another_image_is_passed_over() -> None:
    newer = known(version="2.0.0", measurements=other_boot(rtmr1=bytes(48)))
    assert named(newer, known()) == "0.1.0"
    assert named(newer) is None


def test_of_two_that_measure_alike_it_is_the_one_with_these_files() -> None:
    newer, older = known(version="2.0.0"), known(version="1.0.0", files=FILES)
    assert named(newer, older) == "1.0.0"
    assert named(newer, known(version="1.0.0")) == "2.0.0"


def test_what_changes_after_the_start_or_is_not_compared_does_not_count() -> None:
    assert named(known(measurements=other_boot(rtmr3=b"\x01" * 48))) == "0.1.0"
    updated = known(measurements=other_boot(mr_seam=b"\x01" * 48))
    assert named(updated) is None
    assert named(updated, compared=COMPARED - {"mr_seam"}) == "0.1.0"


def test_any_of_a_releases_machines_will_do() -> None:
    assert named(known(measurements=(*other_boot(rtmr0=bytes(48)), *known().measurements))) == "0.1.0"
