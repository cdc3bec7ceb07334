"""Which URLs does the front end answer?"""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = (
    path("", views.page),
    path("config.json", views.config),
    path("healthz", views.healthz),
    path("<str:name>", views.asset),
)
