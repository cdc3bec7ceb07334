"""Settings of the small Django project whose migrations run while its database moves; the environment says where that is."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

_at = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.postgres", "shop"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _at.path.lstrip("/"),
        "USER": _at.username,
        "PASSWORD": _at.password,
        "HOST": _at.hostname,
        "PORT": _at.port,
        "OPTIONS": {"application_name": "django"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
