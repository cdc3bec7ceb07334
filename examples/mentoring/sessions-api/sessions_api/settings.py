"""How is sessions-api configured? By config vars alone."""

from __future__ import annotations

import os

from steady import config

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split(",")
DATABASES = {"default": config.database(os.environ["DATABASE_URL"])}
REDIS_URL = os.environ.get("REDIS_URL", "")
MENTORS_API_URL = os.environ["MENTORS_API_URL"]

# Why django.contrib.postgres is not among them: see mentors-api.
INSTALLED_APPS = ("steady", "bookings")
MIDDLEWARE = (
    "steady.middleware.RequestLog",
    "steady.middleware.Cors",
    "steady.middleware.PatientTransactions",
)
ROOT_URLCONF = "bookings.urls"
WSGI_APPLICATION = "sessions_api.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = config.logging_to_stdout()
