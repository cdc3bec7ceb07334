"""How do the APIs read JSON and answer with it?"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, JsonResponse


class MalformedError(ValueError):
    """The body is not what the endpoint takes; its text is the answer."""


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object in the body. Raises MalformedError."""
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise MalformedError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise MalformedError("the body is not a JSON object")
    return body


def changes_of(body: dict[str, Any], allowed: dict[str, type]) -> dict[str, Any]:
    """Return the allowed members of ``body``. Raises MalformedError for an unknown or ill-typed one, or when none is left."""
    for name, value in body.items():
        if name not in allowed or not isinstance(value, allowed[name]):
            raise MalformedError(f"{name} is not allowed here")
    if not body:
        raise MalformedError("nothing to change")
    return body


def page_of(request: HttpRequest, size: int) -> slice:
    """Return the rows that ``?page=`` (from 1) asks for.

    >>> from django.test import RequestFactory
    >>> page_of(RequestFactory().get("/?page=3"), 10)
    slice(20, 30, None)
    """
    text = request.GET.get("page", "1")
    page = max(int(text), 1) if text.isdecimal() else 1
    return slice((page - 1) * size, page * size)


def problem(status: int, text: str) -> JsonResponse:
    """Return an error answer."""
    return JsonResponse({"error": text}, status=status)
