"""The servers behind add-ons: PostgreSQL and Valkey, as Heroku shows them to an application."""
