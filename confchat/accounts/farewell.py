"""An account that is deleted by whom it belongs to, with everything that is its own."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import ProtectedError

from attestation.log.entries import log_account_deletion
from confchat.accounts.signed_in import end_logins
from confchat.deletion import delete_everything
from confchat.deployment import deployment
from confchat.models import User


def delete_account(user: User) -> bool:
    """Delete an account, its conversations and logins; the log gets a blinded entry of each.

    Returns False, and deletes nothing, where the account stands in a decision about policy or releases, which stays.
    """
    owner = str(user.pk)
    if deployment.cache_info().currsize:
        async_to_sync(_stop_answers)(owner)
    try:
        with transaction.atomic():
            delete_everything(owner)
            end_logins(user)
            user.delete()
            log_account_deletion(user=owner)
    except ProtectedError:
        return False
    return True


async def _stop_answers(owner: str) -> None:
    for running in deployment().generations.running_of(owner=owner):
        running.stop()
