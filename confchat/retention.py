"""How long conversations are kept: what the user and the installation say, whichever is shorter; pinned ones stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from confchat.models import Conversation, Retention


def retention_days(user: str) -> int | None:
    """Return the user's own choice, or null where he keeps everything."""
    return Retention.objects.filter(user_id=user).values_list("days", flat=True).first()


def set_retention(user: str, *, days: int | None) -> None:
    """Set the user's choice; it holds from the next look at his conversations on."""
    if days is None:
        Retention.objects.filter(user_id=user).delete()
    else:
        Retention.objects.update_or_create(user_id=user, defaults={"days": days})


def kept_conversations(user: str) -> QuerySet[Conversation]:
    """Return the user's conversations that are neither being deleted nor over their time."""
    rows = Conversation.objects.filter(user_id=user, delete_at=None)
    days = shortest(retention_days(user))
    return rows if days is None else rows.exclude(_over(days))


def expired_conversations() -> QuerySet[Conversation]:
    """Return everybody's conversations that are over their time."""
    over = Q(pk__in=[])
    for user, days in Retention.objects.values_list("user_id", "days"):
        over |= Q(user_id=user) & _over(shortest(days) or days)
    if settings.CONFCHAT_RETENTION_DAYS:
        over |= _over(settings.CONFCHAT_RETENTION_DAYS)
    return Conversation.objects.filter(over)


def shortest(own: int | None) -> int | None:
    """Return the shorter of a user's choice and the installation's, in days; null where neither ends anything."""
    limits = [days for days in (own, settings.CONFCHAT_RETENTION_DAYS or None) if days]
    return min(limits, default=None)


def _over(days: int) -> Q:
    return Q(pinned=False, updated_at__lt=datetime.now(UTC) - timedelta(days=days))
