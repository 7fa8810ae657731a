"""Let admins and auditors read the history and take evidence away."""

from __future__ import annotations

from typing import Any

from django.db import migrations

GROUPS = ("admins", "auditors")
PERMISSIONS = {"view_attestation": "Can view attestation", "export_evidence": "Can take evidence away"}


def grant(apps: Any, schema_editor: Any) -> None:
    """Give both groups the permissions, making what `post_migrate` has not made yet."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="attestation", model="attestation"
    )
    permissions = [
        apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]
        for codename, name in PERMISSIONS.items()
    ]
    for name in GROUPS:
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("attestation", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
