"""How is the front end configured? By config vars alone; it has no database."""

from __future__ import annotations

import os
from pathlib import Path

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split(",")
ORIGINS = {
    "MENTORS_API_ORIGIN": os.environ["MENTORS_API_ORIGIN"],
    "SESSIONS_API_ORIGIN": os.environ["SESSIONS_API_ORIGIN"],
}
ASSETS = Path(__file__).parent / "assets"

ROOT_URLCONF = "front.urls"
WSGI_APPLICATION = "front.wsgi.application"
TEMPLATES = ({"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": (ASSETS,)},)
USE_TZ = True
