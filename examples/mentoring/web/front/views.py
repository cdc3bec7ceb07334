"""What does the front end serve? One page, its style and script, and where the APIs are."""

from __future__ import annotations

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

ASSETS = {"app.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}


def page(request: HttpRequest) -> HttpResponse:
    """Serve the page, with the origins of the APIs in it."""
    return render(request, "index.html", {"origins": settings.ORIGINS})


def config(request: HttpRequest) -> JsonResponse:
    """Say where the APIs are; pages that are open for long ask again."""
    return JsonResponse(settings.ORIGINS, headers={"Cache-Control": "no-store"})


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"ok": True})


def asset(request: HttpRequest, name: str) -> FileResponse:
    """Serve one of our own files."""
    if name not in ASSETS:
        raise Http404(name)
    return FileResponse((settings.ASSETS / name).open("rb"), content_type=f"{ASSETS[name]}; charset=utf-8")
