"""The ministack child: its gaps filled with record-only types, and the types that matter made real by calling the front.

This package reaches into ministack, which is pinned exactly for that reason; nothing else in the rehearsal does.
"""
