"""What does sessions-api answer? Each view is one transaction (``steady.middleware``), except where it says otherwise."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from steady.answers import MalformedError, body_of, changes_of, page_of, problem
from steady.middleware import in_transaction, own_transactions
from steady.once import token_of
from steady.patience import patiently

from . import cards, jobs, mentors
from .models import Message, Session

PAGE = 10
CHANGEABLE = {"notes": str, "minutes": int, "version": int}


@own_transactions
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers. The database is left out: its troubles must not restart us."""
    return JsonResponse({"ok": True})


@own_transactions
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponseBase:
    """List a mentee's sessions (``?mentee=`` e-mail address), or book one."""
    return book(request) if request.method == "POST" else patiently(lambda: list_sessions(request))


def list_sessions(request: HttpRequest) -> JsonResponse:
    """List the sessions of one mentee, latest first."""
    mine = Session.objects.filter(mentee__email=request.GET.get("mentee", "")).order_by("-starts_at")
    return JsonResponse({"results": [cards.session(row) for row in mine[page_of(request, PAGE)]]})


def book(request: HttpRequest) -> HttpResponseBase:
    """Book a session: ask mentors-api for the rate, then write mentee, session and job in one transaction."""
    wish = _wish(request)
    try:
        mentor = mentors.find(wish["mentor_id"], request.id)  # type: ignore[attr-defined]
    except mentors.MentorsUnavailableError as error:
        return problem(503, f"mentors-api is not available: {error}")
    if mentor is None:
        return problem(422, "no such mentor")
    price = mentor["rate_cents"] * wish["minutes"] // 60
    return in_transaction(request, lambda: _write_booking(wish, price, token_of(request)))


def _wish(request: HttpRequest) -> dict[str, Any]:
    body = body_of(request)
    try:
        starts_at = parse_datetime(body["starts_at"])
        if starts_at is None or starts_at.tzinfo is None:
            raise ValueError(body["starts_at"])
        return {
            "mentor_id": UUID(body["mentor_id"]),
            "mentee": str(body["mentee"]),
            "starts_at": starts_at,
            "minutes": int(body["minutes"]),
            "notes": str(body.get("notes", "")),
            "details": dict(body.get("details", {})),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError("a booking has mentor_id, mentee, starts_at with its zone, and minutes") from error


def _write_booking(wish: dict[str, Any], price_cents: int, token: UUID | None) -> JsonResponse:
    columns = {name: value for name, value in wish.items() if name != "mentee"}
    row = Session(mentee_id=_mentee_id(wish["mentee"]), price_cents=price_cents, client_token=token, **columns)
    row.save(force_insert=True)
    jobs.enqueue("booking", row)
    return JsonResponse(cards.session(row), status=201)


def _mentee_id(email: str) -> int:
    """Return the mentee's number, making the mentee on the first booking."""
    with connection.cursor() as cursor:
        # The update changes nothing; without it the row of somebody known is not returned.
        cursor.execute(
            "insert into bookings_mentee (email, name, timezone, interests, created_at)"
            " values (%s, %s, 'UTC', '{}', now()) on conflict (email) do update set email = bookings_mentee.email"
            " returning id",
            [email, email.partition("@")[0]],
        )
        return int(cursor.fetchone()[0])


@own_transactions
@require_http_methods(["GET", "PATCH", "DELETE"])
def session(request: HttpRequest, session_id: UUID) -> HttpResponseBase:
    """Show a session with its mentor, change its notes, minutes and version, or cancel it."""
    if request.method == "GET":
        return show_session(request, session_id)
    change = cancel if request.method == "DELETE" else edit
    return in_transaction(request, lambda: change(request, session_id))


def show_session(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Show a session; the mentor's card comes from mentors-api, after our own transaction has ended."""
    row, messages = patiently(lambda: _with_messages(session_id))
    if row is None:
        return problem(404, "no such session")
    try:
        mentor = mentors.find(row.mentor_id, request.id)  # type: ignore[attr-defined]
    except mentors.MentorsUnavailableError as error:
        return problem(503, f"mentors-api is not available: {error}")
    return JsonResponse(cards.session(row) | {"mentor": mentor, "messages": messages})


def _with_messages(session_id: UUID) -> tuple[Session | None, list[dict[str, Any]]]:
    row = Session.objects.filter(pk=session_id).first()
    latest = Message.objects.filter(session_id=session_id).order_by("-id")[:5] if row else ()
    return row, [{"author": message.author, "text": message.text} for message in latest]


def edit(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Change a session."""
    rows = Session.objects.filter(pk=session_id)
    if not rows.update(**changes_of(body_of(request), CHANGEABLE)):
        return problem(404, "no such session")
    return JsonResponse(cards.session(rows.get()))


def cancel(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Delete a session; the database deletes its messages and notifications with it."""
    if not Session.objects.filter(pk=session_id).delete()[0]:
        return problem(404, "no such session")
    return JsonResponse({"deleted": str(session_id)})


@require_POST
def add_message(request: HttpRequest, session_id: UUID) -> JsonResponse:
    """Say something about a session."""
    body = body_of(request)
    if not Session.objects.filter(pk=session_id).exists():
        return problem(404, "no such session")
    message = Message.objects.create(
        session_id=session_id, author=str(body.get("author", "")), text=str(body.get("text", ""))
    )
    return JsonResponse({"id": message.pk}, status=201)


@require_GET
def agenda(request: HttpRequest, mentor_id: UUID) -> JsonResponse:
    """List what a mentor has ahead; reads the whole table (the missing index that README.md names)."""
    ahead = Session.objects.filter(mentor_id=mentor_id).order_by("starts_at")[:PAGE]
    return JsonResponse({"results": [cards.session(row) for row in ahead]})
