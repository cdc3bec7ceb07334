"""How is mentors-api configured? By config vars alone."""

from __future__ import annotations

import os

from steady import config

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split(",")
DATABASES = {"default": config.database(os.environ["DATABASE_URL"])}
REDIS_URL = os.environ.get("REDIS_URL", "")

# django.contrib.postgres stays out on purpose: it remembers the numbers of citext and hstore types per process, and those
# differ between two servers behind one pooler. Its fields, indexes and search expressions work without it.
INSTALLED_APPS = ("django.contrib.contenttypes", "django.contrib.auth", "steady", "mentors")
MIDDLEWARE = (
    "steady.middleware.RequestLog",
    "steady.middleware.Cors",
    "steady.middleware.PatientTransactions",
)
ROOT_URLCONF = "mentors.urls"
WSGI_APPLICATION = "mentors_api.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = config.logging_to_stdout()
