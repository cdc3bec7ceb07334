"""What does mentors-api answer? Each view is one transaction (``steady.middleware``)."""

from __future__ import annotations

import time
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Avg, Count
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from steady.answers import MalformedError, body_of, changes_of, page_of, problem
from steady.middleware import own_transactions
from steady.once import token_of

from . import cards, facets
from .models import Mentor, Review

PAGE = 5
CALENDAR_SECONDS = 0.4
CHANGEABLE = {"text": str, "stars": int, "version": int}


@own_transactions
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers. The database is left out: its troubles must not restart us."""
    return JsonResponse({"ok": True})


@require_GET
def list_mentors(request: HttpRequest) -> JsonResponse:
    """List mentors, newest first, five a page; ``?topic=`` narrows."""
    mentors = Mentor.objects.defer("search", "bio", "profile").order_by("-joined_at")
    if topic := request.GET.get("topic"):
        mentors = mentors.filter(topics__contains=[topic])
    return JsonResponse({"results": [cards.with_skills(mentor) for mentor in mentors[page_of(request, PAGE)]]})


@own_transactions
@require_GET
def calendar(request: HttpRequest, mentor_id: UUID) -> JsonResponse:
    """Say when a mentor is free, by the mentor's own calendar elsewhere: each request waits for it (README.md names this flaw)."""
    time.sleep(CALENDAR_SECONDS)  # What the provider takes to answer; nobody keeps what it said.
    return JsonResponse({"mentor": str(mentor_id), "free": []})


@require_GET
def search(request: HttpRequest) -> JsonResponse:
    """Find mentors by words in name, headline and biography."""
    query = SearchQuery(request.GET.get("q", ""), config="english", search_type="websearch")
    found = Mentor.objects.filter(search=query).defer("search", "bio", "profile")[:PAGE]
    return JsonResponse({"results": [cards.short(mentor) for mentor in found]})


@require_GET
def topics(request: HttpRequest) -> JsonResponse:
    """Say how many mentors each topic has, from Redis if it knows."""
    return JsonResponse({"results": facets.topics()})


@require_GET
def show_mentor(request: HttpRequest, mentor_id: UUID) -> JsonResponse:
    """Show one mentor with the latest reviews."""
    mentor = Mentor.objects.defer("search").filter(pk=mentor_id).first()
    if mentor is None:
        return problem(404, "no such mentor")
    rating = mentor.reviews.aggregate(stars=Avg("stars"), count=Count("id"))
    latest = [cards.review(row) for row in mentor.reviews.order_by("-id")[:3]]
    more = {"bio": mentor.bio, "profile": mentor.profile, "rating": rating, "reviews": latest}
    return JsonResponse(cards.with_skills(mentor) | more)


@require_POST
def add_review(request: HttpRequest, mentor_id: UUID) -> JsonResponse:
    """Write a review; its row keeps the Idempotency-Key as ``client_token``."""
    body = body_of(request)
    try:
        row = Review(
            mentor_id=mentor_id,
            author=body["author"],
            stars=int(body["stars"]),
            text=str(body["text"]),
            client_token=token_of(request),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError("a review has author, stars and text") from error
    if not 1 <= row.stars <= 5:
        raise MalformedError("stars go from 1 to 5")
    if not Mentor.objects.filter(pk=mentor_id).exists():
        return problem(404, "no such mentor")
    row.save(force_insert=True)
    return JsonResponse(cards.review(row), status=201)


@require_http_methods(["PATCH", "DELETE"])
def change_review(request: HttpRequest, review_id: int) -> JsonResponse:
    """Change a review's text, stars and version, or take it back."""
    rows = Review.objects.filter(pk=review_id)
    if request.method == "DELETE":
        return JsonResponse({"deleted": review_id}) if rows.delete()[0] else problem(404, "no such review")
    if not rows.update(**changes_of(body_of(request), CHANGEABLE)):
        return problem(404, "no such review")
    return JsonResponse(cards.review(rows.get()))


@require_POST
def add_view(request: HttpRequest, mentor_id: UUID) -> JsonResponse:
    """Note that somebody looked at a profile."""
    referrer = str(body_of(request).get("referrer", ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into mentors_profileview (mentor_id, referrer, client_token) values (%s, %s, %s)",
            [mentor_id, referrer, token_of(request)],
        )
    return JsonResponse({"noted": True}, status=201)
