"""Move an organisation's applications from Heroku to AWS while they run."""
