"""What machines measured, compared, and kept once."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
from django.apps import apps

from attestation.models import Attestation, SharedPart
from attestation.quote import parse_quote
from attestation.records import read_json
from attestation.registers import REGISTERS, changed_registers, is_released, registers_of
from attestation.simulator.td_report import Td
from tests.attestation.scene import build_scene
from tests.attestation.test_views import record_one
from tests.measured import lines_of, rtmr3_of

MIGRATION = importlib.import_module("attestation.migrations.0003_measurements")


def registers(**changes: bytes) -> dict[str, str]:
    td = replace(Td(report_data=bytes(64)), **changes)
    return registers_of(parse_quote(build_scene().platform.quote(td)))


def test_the_register_that_changed_is_named() -> None:
    changed = changed_registers(registers(), registers(rtmr1=bytes([1]) * 48))
    assert [register.name for register in changed] == ["RTMR1"]
    assert changed_registers(registers(), registers()) == ()


def test_what_a_release_lists_is_known_again() -> None:
    (listed,) = build_scene().release.measurements
    assert is_released(registers(), listed)
    assert not is_released(registers(rtmr2=bytes([1]) * 48), listed)


def test_a_register_that_the_release_leaves_open_may_have_any_value() -> None:
    (listed,) = build_scene().release.measurements
    assert is_released(registers(rtmr3=bytes([1]) * 48), listed)
    assert not is_released(registers(rtmr3=bytes([1]) * 48), replace(listed, rtmr3=bytes(48)))


@pytest.mark.django_db(transaction=True)
def test_records_from_before_are_given_their_measurements() -> None:
    scene = build_scene()
    records = [record_one(scene, user=None), record_one(scene, user=None, quote=b"damaged")]
    Attestation.objects.update(measurements=None)
    SharedPart.objects.filter(content__contains=b'"rtmr0"').delete()
    MIGRATION.read_measurements(apps, None)
    read, damaged = (Attestation.objects.select_related("measurements").get(pk=record) for record in records)
    assert read.measurements is not None
    assert read_json(read.measurements) == registers() | {"rtmr3": rtmr3_of(lines_of(scene.release)).hex()}
    assert list(registers()) == [register.field for register in REGISTERS]
    assert damaged.measurements is None
