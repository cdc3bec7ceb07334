"""Which URLs does mentors-api answer?"""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = (
    path("healthz", views.healthz),
    path("api/mentors", views.list_mentors),
    path("api/mentors/<uuid:mentor_id>", views.show_mentor),
    path("api/mentors/<uuid:mentor_id>/calendar", views.calendar),
    path("api/mentors/<uuid:mentor_id>/reviews", views.add_review),
    path("api/mentors/<uuid:mentor_id>/views", views.add_view),
    path("api/reviews/<int:review_id>", views.change_review),
    path("api/search", views.search),
    path("api/topics", views.topics),
)
