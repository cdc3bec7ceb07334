"""The Platform API v3, the data API and the rehearsal's own operator routes, on one port."""
