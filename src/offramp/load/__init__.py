"""Traffic like that of browsers, at a constant rate of arrivals, with a ledger of every acknowledged write and its judge.

* ``traffic``, ``values``: the request mix, as ``traffic.toml`` describes it.
* ``mix``: which request is next, and which of the rows that we made may be changed.
* ``names``, ``browser``: how a request finds a server, and what comes back.
* ``arrivals``: the open loop: requests start when they are due, however slow the answers are.
* ``ledger``, ``samples``: what was written and what was felt, one JSON line each; safe to ``kill -9``.
* ``summary``: rates, percentiles and failures. ``proof``: is every acknowledged write on the final primary, exactly once?

The generator runs as ``python -m offramp.load run``; ``summary`` and ``proof`` are used as a library as well.
"""
