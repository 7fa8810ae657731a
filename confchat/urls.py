"""Every address of the project."""

from __future__ import annotations

from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from confchat import model_pages, views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation>/", views.chat, name="conversation"),
    path("accounts/", include("allauth.urls")),
    path("attestation/evidence", views.evidence, name="evidence"),
    path("attestation/", include("attestation.urls")),
    path("language/", require_POST(set_language), name="language"),
    path("how/", views.how, name="how"),
    path("models/", model_pages.models, name="models"),
    path("models/pull", model_pages.pull, name="pull"),
    path("models/pull/end", model_pages.end_pull, name="end-pull"),
    path("models/pull/state", model_pages.pull_state, name="pull-state"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.prometheus, name="metrics"),
    path("readyz", views.readyz, name="readyz"),
]
