"""Why is the database slow, and which indexes would help? Without superuser, without a row leaving the source."""
