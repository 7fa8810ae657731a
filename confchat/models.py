"""Tables of the chat. Content is ciphertext; what stands in clear is listed in SECURITY.md."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

ADMINS = "admins"
AUDITORS = "auditors"


class User(AbstractUser):
    """An account; its id is what a session's statement and history key are bound to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class HistoryKeyCheck(models.Model):
    """HKDF of a user's history key, by which the right key is known again without being kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    value = models.BinaryField(max_length=32)
    enrolled_at = models.DateTimeField(auto_now_add=True)


class Conversation(models.Model):
    """A user's conversation. `uuid` is the client's choice and unique only for that user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    uuid = models.UUIDField()
    model = models.CharField(max_length=200)
    sealed_title = models.BinaryField(null=True)
    title_revision = models.PositiveIntegerField(default=0)
    sealed_details = models.BinaryField(null=True)  # JSON of `details.Details`
    details_revision = models.PositiveIntegerField(default=0)
    pinned = models.BooleanField(default=False)  # in clear, since retention spares it while nobody's key is here
    delete_at = models.DateTimeField(null=True, db_index=True)
    changes = models.PositiveIntegerField(default=0)  # rises with every change of what a search finds
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "uuid"], name="conversation_of_user")]
        indexes = [models.Index(fields=["user", "-updated_at", "-id"])]


class KeptSetting(models.Model):
    """What a user wants kept of how he is answered, for himself or for one conversation; `sealed` is JSON."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, null=True)
    kind = models.CharField(max_length=9)
    revision = models.PositiveIntegerField(default=0)
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"], condition=models.Q(conversation=None), name="kept_setting_of_user"
            ),
            models.UniqueConstraint(fields=["conversation", "kind"], name="kept_setting_of_conversation"),
        ]


class FolderList(models.Model):
    """A user's folders; `sealed` is JSON of their ids and names, so that not even their number shows."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    sealed = models.BinaryField()
    revision = models.PositiveIntegerField(default=0)


class Retention(models.Model):
    """After how many days without a word a user wants his conversations deleted."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    days = models.PositiveIntegerField()


class Attachment(models.Model):
    """What was read of a file that belongs to messages of a conversation; `size` is that of the ciphertext."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="attachments")
    uuid = models.UUIDField()
    size = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "uuid"], name="attachment_of_conversation")]


class AttachmentVectors(models.Model):
    """Vectors of an attachment's passages, by the digest of the model that made them; `size` is the ciphertext's."""

    attachment = models.OneToOneField(Attachment, on_delete=models.CASCADE, primary_key=True, related_name="vectors")
    model_digest = models.CharField(max_length=71)
    size = models.PositiveIntegerField()
    sealed = models.BinaryField()


class Message(models.Model):
    """A prompt or an answer; `sealed` is AES-256-GCM (12-byte nonce first) of JSON text and thinking."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class State(models.TextChoices):
        RUNNING = "running"
        COMPLETE = "complete"
        INCOMPLETE = "incomplete"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    uuid = models.UUIDField()
    parent = models.UUIDField(null=True)
    role = models.CharField(max_length=9, choices=Role)
    state = models.CharField(max_length=10, choices=State, default=State.COMPLETE)
    reason = models.CharField(max_length=9, blank=True)
    revision = models.PositiveIntegerField(default=0)
    sealed = models.BinaryField()
    model = models.CharField(max_length=200, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "uuid"], name="message_of_conversation")]
        indexes = [models.Index(fields=["conversation", "id"])]
