"""Tables of accounts beside Django's and allauth's own. Nothing here is content."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class Invitation(models.Model):
    """A link by which one person may sign up, once; `digest` is SHA-256 of its secret, which is kept nowhere.

    One with an e-mail address was sent there: who comes by it has shown that the address is his.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.BinaryField(max_length=32, unique=True)
    email = models.EmailField(blank=True)
    groups = models.ManyToManyField(Group)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(null=True)
