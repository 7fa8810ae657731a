"""Every address of the project."""

from __future__ import annotations

from django.urls import include, path

from confchat import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation>/", views.chat, name="conversation"),
    path("accounts/", include("allauth.urls")),
    path("attestation/evidence", views.evidence, name="evidence"),
    path("attestation/", include("attestation.urls")),
    path("how/", views.how, name="how"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.prometheus, name="metrics"),
    path("readyz", views.readyz, name="readyz"),
]
