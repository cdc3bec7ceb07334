"""How do the two APIs stay steady while a database goes away for some seconds?

Both apps ship this package (a link in each app's directory). Its parts:

* ``patience``: run one transaction again, with back-off, when the connection and not the statement failed;
* ``once``: answer a repeated write from the first one's record, so that trying again never doubles a row;
* ``middleware``: apply both to every view; request ids, CORS and one log line per request;
* ``config``: DATABASE_URL and REDIS_URL, as Heroku gives them;
* ``fields``: citext.
"""
