"""Functions that keep and find what was read of attached files: encrypted like messages, under the history key.

Everything here blocks on the database and expects a transaction around it (`confchat.group_commit`).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Sum

from confchat.documents.document import Document, pack_document, unpack_document
from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import Attachment, Conversation


def keep_documents(row: Conversation, documents: Sequence[Document], key: ContentKey) -> None:
    """Store documents beside a conversation's messages; those that are there already stay as they are.

    Raises:
        RequestError: `attachments_quota`: the user has no room left.
    """
    known = {str(uuid) for uuid in row.attachments.values_list("uuid", flat=True)}
    new = [document for document in documents if document.uuid not in known]
    sealed = [key.seal(pack_document(document), message=_place(document.uuid), revision=0) for document in new]
    if not sealed:
        return
    taken = Attachment.objects.filter(conversation__user_id=row.user_id).aggregate(total=Sum("size"))["total"] or 0
    if taken + sum(map(len, sealed)) > settings.CONFCHAT_ATTACHMENT_QUOTA_MB * 1024 * 1024:
        raise RequestError("attachments_quota")
    Attachment.objects.bulk_create(
        Attachment(conversation=row, uuid=document.uuid, size=len(data), sealed=data)
        for document, data in zip(new, sealed, strict=True)
    )


def read_document(row: Conversation, uuid: str, key: ContentKey) -> Document:
    """Return a stored document; raises RequestError `not_found`, `content_damaged`."""
    found = row.attachments.filter(uuid=uuid).first()
    if found is None:
        raise RequestError("not_found")
    return unpack_document(uuid, key.open(bytes(found.sealed), message=_place(uuid), revision=0))


def _place(uuid: str) -> str:
    return f"attachment {uuid}"
