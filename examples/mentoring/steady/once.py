"""How does a write that is sent twice happen once?

The key is claimed first: a second request with the same key waits at the primary key until the first one's transaction has
ended, and then reads its answer instead of working again. The claim, the work and the answer commit together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from .models import IdempotencyKey

HEADER = "Idempotency-Key"


def token_of(request: HttpRequest) -> UUID | None:
    """Return the client's token. Raises ValueError when the header is not a UUID."""
    text = request.headers.get(HEADER)
    return UUID(text) if text else None


def once(token: UUID | None, work: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Do ``work`` inside the caller's transaction unless ``token`` was answered already; then repeat that answer.

    Refusals (status 400 and above) are rolled back and not kept: the client may correct itself and use its token again.
    """
    if token is None:
        return work()
    if not _claim(token):
        first = IdempotencyKey.objects.get(pk=token)
        return JsonResponse(first.body, status=first.status, headers={"Idempotency-Replayed": "true"})
    answer = work()
    if answer.status_code >= 400 or not isinstance(answer, HttpResponse):
        transaction.set_rollback(True)
        return answer
    IdempotencyKey.objects.filter(pk=token).update(status=answer.status_code, body=json.loads(answer.content or b"{}"))
    return answer


def _claim(token: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into steady_idempotencykey (token, status, body, created_at) values (%s, 0, '{}', now())"
            " on conflict (token) do nothing",
            [token],
        )
        return cursor.rowcount == 1
