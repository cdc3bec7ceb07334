"""One technology: Redis and Valkey. What one server holds is carried to another, once; who still uses it; and what lies in it."""

from .carrying import Carried, carry
from .sampling import Sample, SampledKey, lengths, members, sample
from .users import users

__all__ = ["Carried", "Sample", "SampledKey", "carry", "lengths", "members", "sample", "users"]
