"""Addresses of the attestation history and of what an installation publishes of itself."""

from __future__ import annotations

from django.urls import path

from attestation import approval_pages, log_pages, pages, verify_pages, views, workspace

app_name = "attestation"

urlpatterns = [
    path("", pages.records, name="records"),
    path("own/", pages.own, name="own"),
    path("overview/", pages.overview, name="overview"),
    path("dry-run/", workspace.dry_run, name="dry-run"),
    path("policy/", approval_pages.proposals, name="proposals"),
    path("policy/<uuid:proposal>/", approval_pages.proposal, name="proposal"),
    path("compare/", workspace.compare, name="compare"),
    path("verify/", verify_pages.runs, name="runs"),
    path("verify/<uuid:run>/", verify_pages.run, name="run"),
    path("verify/<uuid:run>/step", verify_pages.step, name="step"),
    path("records/<uuid:record>/again/", workspace.again, name="again"),
    path("records/<uuid:record>/", views.record, name="record"),
    path("records/<uuid:record>/evidence.zip", views.evidence, name="evidence"),
    path("export", pages.export, name="export"),
    path("releases", views.releases, name="releases"),
    path("keys", views.keys, name="keys"),
    path("log/", log_pages.log, name="log"),
    path("log/checkpoint", views.checkpoint, name="checkpoint"),
    path("log/witnessed", views.witnessed, name="witnessed"),
    path("log/witnesses", views.witnesses, name="witnesses"),
    path("log/tile/<path:path>", views.tile, name="tile"),
]
