"""One technology: Redis and Valkey. What one server holds is carried to another, once; and who still uses it."""

from .carrying import Carried, carry
from .users import users

__all__ = ["Carried", "carry", "users"]
