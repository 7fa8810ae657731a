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


class Allowance(models.Model):
    """How much one person, or each member of one group, may use in a day; null is without a limit."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    group = models.OneToOneField(Group, null=True, on_delete=models.CASCADE)
    messages = models.PositiveIntegerField(null=True)
    tokens = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(group=None), name="allowance_of_user_or_of_group"
            )
        ]


class Usage(models.Model):
    """What one person used on one day (UTC): numbers alone, nothing of what was said, to whom or when.

    `reserved_tokens` are those that answers under way may still use; they end with the server's process.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    day = models.DateField(db_index=True)
    messages = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    answer_tokens = models.PositiveBigIntegerField(default=0)
    reserved_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="usage_of_user_and_day")]


class AccessToken(models.Model):
    """What a program signs in with instead of a person, for chats alone; `digest` is SHA-256 of its secret.

    The secret is kept nowhere, and `name` is the person's word for it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
