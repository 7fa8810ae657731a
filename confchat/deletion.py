"""Deleting conversations: at once out of sight, some seconds later for good, with a blinded entry in the log.

Needs no history key: what is deleted is not read. Everything here blocks on the database, in a transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from attestation.log.entries import log_deletion
from confchat.errors import RequestError
from confchat.models import Conversation
from confchat.retention import expired_conversations, kept_conversations

UNDO_S = 10
BATCH = 50  # conversations in one transaction: others wait for it


def delete_conversation(user: str, conversation: str) -> int:
    """Take a conversation out of sight; return the second (UTC) until which it can be brought back.

    Raises:
        RequestError: `not_found`.
    """
    until = _undo_end()
    if not kept_conversations(user).filter(uuid=conversation).update(delete_at=until):
        raise RequestError("not_found")
    return int(until.timestamp())


def delete_history(user: str) -> tuple[int, int]:
    """Take all conversations of a user out of sight; return their number and until when they can be brought back."""
    until = _undo_end()
    count = kept_conversations(user).update(delete_at=until)
    return count, int(until.timestamp())


def restore_conversation(user: str, conversation: str) -> None:
    """Bring back what was just deleted. Raises RequestError `not_found` where that is too late."""
    if not _restorable(user).filter(uuid=conversation).update(delete_at=None):
        raise RequestError("not_found")


def restore_history(user: str, *, until: int) -> int:
    """Bring back what was deleted together, by the second that its deletion named; return the number."""
    try:
        moment = datetime.fromtimestamp(until, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RequestError("not_found") from error
    return _restorable(user).filter(delete_at=moment).update(delete_at=None)


def delete_due() -> int:
    """Delete for good a batch of what nobody brought back or what is over its time; return how many were deleted."""
    due = Conversation.objects.filter(delete_at__lte=datetime.now(UTC))
    return _delete(due[:BATCH])


def delete_expired() -> int:
    """Delete for good a batch of what retention ends; return how many were deleted."""
    return _delete(expired_conversations()[:BATCH])


def delete_everything(user: str) -> None:
    """Delete all conversations of a user for good, without a way back."""
    _delete(Conversation.objects.filter(user_id=user))


def _restorable(user: str) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user_id=user, delete_at__gt=datetime.now(UTC))


def _undo_end() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=UNDO_S + 1)


def _delete(rows: QuerySet[Conversation]) -> int:
    """Delete rows with their messages; an entry of the log tells of each that this call has deleted."""
    count = 0
    for row in rows:
        _, gone = Conversation.objects.filter(pk=row.pk).delete()
        if gone.get(Conversation._meta.label):
            log_deletion(user=str(row.user_id), conversation=str(row.uuid))
            count += 1
    return count
