"""Real PostgreSQL, Valkey, Nginx and PgBouncer as processes on loopback, run by an unprivileged user when the caller is root."""
