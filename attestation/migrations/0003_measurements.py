"""Keep what each machine measured as one shared value, index what lists are filtered by, and remember visits."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from attestation.errors import MalformedError
from attestation.quote import parse_quote
from attestation.registers import registers_of


def read_measurements(apps: Any, schema_editor: Any) -> None:
    """Give the records that are there already what new ones are stored with."""
    shared = apps.get_model("attestation", "SharedPart").objects
    for record in apps.get_model("attestation", "Attestation").objects.select_related("quote_certificates").iterator():
        try:
            quote = parse_quote(bytes(record.quote_head) + bytes(record.quote_certificates.content))
        except MalformedError:
            continue
        content = json.dumps(registers_of(quote), ensure_ascii=False, separators=(",", ":")).encode()
        digest = hashlib.sha256(content).hexdigest()
        record.measurements, _ = shared.get_or_create(digest=digest, defaults={"content": content})
        record.save(update_fields=["measurements"])


class Migration(migrations.Migration):
    dependencies = [("attestation", "0002_roles"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            model_name="attestation",
            name="measurements",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="attestation.sharedpart",
            ),
        ),
        migrations.RunPython(read_measurements, migrations.RunPython.noop),
        *(
            migrations.AddIndex(
                model_name="attestation",
                index=models.Index(fields=[column, "-verdict_at", "-id"], name=f"attestation_by_{name}"),
            )
            for column, name in (
                ("failing_check", "check"),
                ("measurements", "measurements"),
                ("release_version", "release"),
                ("model_name", "model"),
                ("verifier_kind", "verifier"),
            )
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("previous_at", models.DateTimeField(null=True)),
            ],
            options={"default_permissions": ()},
        ),
    ]
