"""How long a page of the history takes when it is long: whole requests by an admin, on a database of its own.

usage: python -m benchmarks.history [records [postgresql]]     on SQLite, or on a PostgreSQL cluster made for it
Prints JSON lines; rows are as large as real ones, outcomes as rare.
"""

# ruff: noqa: PLC0415  # Django's parts are imported when its settings know where the database is

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from benchmarks.product import percentile, report
from tests.postgresql import running_cluster

REQUESTS = 20
BATCH = 10_000
PAGES = {
    "first": "",
    "failed": "?outcome=contraindicated",
    "affirmed": "?outcome=affirming",
    "check": "?check=tcb.status",
    "check and measurement": "?check=tcb.status&measurement={measurement}",
    "rare user": "?user=rare&outcome=contraindicated",
    "measurement": "?measurement={measurement}&outcome=affirming",
    "service that never was": "?outcome=warning&user=rare",
    "one day long ago": "?since={day}&until={day}&outcome=contraindicated",
    "deep page": "?before={cursor}",
    "overview of a day": "overview/?span=day",
    "overview of a month": "overview/?span=month",
}


def main(records: int, *, on: str) -> None:
    with tempfile.TemporaryDirectory(prefix="confchat-history-") as directory, ExitStack() as stack:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "confchat.settings", "CONFCHAT_DATA_DIR": directory}
        os.environ |= {"CONFCHAT_DEVELOPMENT": "1", "CONFCHAT_SECRET_KEY": "only for this benchmark" * 3}
        os.environ["CONFCHAT_DATABASE_URL"] = stack.enter_context(running_cluster()).url if on == "postgresql" else ""
        _prepare()
        filling = time.perf_counter()
        _fill(records)
        _settle()
        report(database=on, records=records, fill_s=time.perf_counter() - filling, bytes_a_record=_size() / records)
        _measure()


def _prepare() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA cache_size=-400000")


def _settle() -> None:
    """Let PostgreSQL know what it holds, as its autovacuum does in time."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as database:
            database.execute("VACUUM ANALYZE attestation_attestation")


def _size() -> int:
    from django.db import connection

    question = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if connection.vendor == "postgresql":
        question = "SELECT pg_total_relation_size('attestation_attestation')"
    with connection.cursor() as database:
        database.execute(question)
        return int(database.fetchone()[0])


def _fill(records: int) -> None:
    """Store one attestation as the product does, and then copies of its row that differ in what is searched by."""
    from django.db import connection, transaction

    from attestation.models import Attestation

    template, users = _store_one()
    columns = [field for field in Attestation._meta.concrete_fields if field.column is not None]
    values = [field.get_db_prep_save(getattr(template, field.attname), connection) for field in columns]
    names = ", ".join(f'"{field.column}"' for field in columns)
    places = {field.attname: (place, field) for place, field in enumerate(columns)}
    rows = _rows(values, places, records=records, newest=template.verdict_at, users=users)
    for start in range(0, records, BATCH):
        with transaction.atomic(), connection.cursor() as database:
            _insert(database, f"{Attestation._meta.db_table} ({names})", islice(rows, min(BATCH, records - start)))


def _insert(database: Any, table: str, rows: Iterable[list[Any]]) -> None:
    """Insert rows in the way that costs a database least."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with database.cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        filled = list(rows)
        database.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(filled[0]))})", filled)  # noqa: S608


def _rows(
    values: list[Any], places: dict[str, tuple[int, Any]], *, records: int, newest: datetime, users: list[Any]
) -> Iterator[list[Any]]:
    """Yield rows from the oldest to the newest, one every two seconds; 1 in 50 failed, 1 in 500 by its TCB."""
    from django.db import connection

    chance = random.Random(1)
    for number in range(records):
        row = list(values)
        at = newest - timedelta(seconds=2 * (records - number))
        changes: dict[str, Any] = {
            "id": uuid.UUID(int=chance.getrandbits(128), version=4),
            "user_id": users[number % 5000 == 0],
            "requested_at": at - timedelta(milliseconds=chance.randint(40, 400)),
            "evidence_at": at,
            "verdict_at": at,
        }
        if number % 50 == 0:
            check = ("tcb.status", "tcb_refused") if number % 500 == 0 else ("verdict.token", "token_missing")
            changes |= {"outcome": "contraindicated", "server_outcome": "contraindicated"}
            changes |= {"failing_check": check[0], "failing_code": check[1]}
        for name, value in changes.items():
            place, field = places[name]
            row[place] = field.get_db_prep_value(value, connection)
        yield row


def _store_one() -> tuple[Any, list[Any]]:
    from django.contrib.auth.models import Group

    from attestation.models import Attestation
    from confchat.models import User
    from tests.attestation.scene import build_scene
    from tests.attestation.test_views import record_one

    admin, usual, rare = (User.objects.create_user(name) for name in ("admin", "usual", "rare"))
    admin.groups.add(Group.objects.get(name="admins"))
    record = record_one(build_scene(), user=str(usual.pk))
    return Attestation.objects.get(pk=record), [usual.pk, rare.pk]


def _measure() -> None:
    """Ask for each page as a signed-in admin, in this process: views, queries and templates, without the network."""
    from django.test import Client

    from attestation.models import Attestation
    from attestation.records import list_attestations
    from attestation.search import Wanted
    from confchat.models import User

    by_age = Attestation.objects.order_by("verdict_at", "id")
    oldest, newest = by_age[0].verdict_at, by_age.reverse()[0].verdict_at
    middle = oldest + (newest - oldest) / 2
    known = by_age.select_related("measurements")[0].measurements
    facts = {
        "measurement": "" if known is None else known.digest,
        "day": f"{middle:%Y-%m-%d}",
        "cursor": list_attestations(wanted=Wanted(until=middle), size=1).next or "",
    }
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(username="admin"))
    for name, question in PAGES.items():
        times = []
        for _ in range(REQUESTS):
            started = time.perf_counter()
            answer = client.get("/attestation/" + question.format(**facts))
            times.append(1e3 * (time.perf_counter() - started))
            assert answer.status_code == 200, answer.content
        report(page=name, first_ms=times[0], p50_ms=percentile(times, 0.5), p95_ms=percentile(times, 0.95))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, on=sys.argv[2] if len(sys.argv) > 2 else "sqlite")
