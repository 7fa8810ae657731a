"""The attestation history's Django application."""

from __future__ import annotations

from django.apps import AppConfig


class AttestationConfig(AppConfig):
    name = "attestation"
    verbose_name = "Attestation"
    default_auto_field = "django.db.models.BigAutoField"
