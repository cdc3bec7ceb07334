"""Sessions between mentors and mentees: booking, notes, messages, and the notices that a worker sends."""
