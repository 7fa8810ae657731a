"""Starting over: the old history goes, and the account takes the next key that is enrolled. Blocks."""

from __future__ import annotations

from django.utils import timezone

from confchat.models import Conversation, FolderList, HistoryKeyCheck, KeptSetting


def start_over(user: str) -> None:
    """Delete what a user has stored, nothing of which can be brought back, and forget the key that opened it.

    Conversations go out of sight at once and for good with the janitor's next round, which logs each
    (`confchat.deletion`); the new key is logged when it is enrolled.
    """
    Conversation.objects.filter(user_id=user).update(delete_at=timezone.now())
    FolderList.objects.filter(user_id=user).delete()
    KeptSetting.objects.filter(user_id=user).delete()
    HistoryKeyCheck.objects.filter(user_id=user).delete()
