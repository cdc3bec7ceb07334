"""Which URLs does sessions-api answer?"""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = (
    path("healthz", views.healthz),
    path("api/sessions", views.sessions),
    path("api/sessions/<uuid:session_id>", views.session),
    path("api/sessions/<uuid:session_id>/messages", views.add_message),
    path("api/mentors/<uuid:mentor_id>/agenda", views.agenda),
)
