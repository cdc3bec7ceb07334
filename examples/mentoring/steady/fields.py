"""How is citext spelled, now that Django leaves it to us?"""

from __future__ import annotations

from typing import Any

from django.db import models


class CITextField(models.TextField):
    """Text that compares without regard to case: e-mail addresses, names of skills."""

    def db_type(self, connection: Any) -> str:
        return "citext"
