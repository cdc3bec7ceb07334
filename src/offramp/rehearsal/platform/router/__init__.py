"""The router: HTTP from the world to the dynos, with Heroku's headers, deadlines, error codes and log lines.

It is our own, on plain asyncio streams, and not an Nginx, because three of its duties have no place in one: requests wait while
an app's dynos boot, each failure has its H code, and each request gives a line that Logplex carries with Heroku's fields.
"""
