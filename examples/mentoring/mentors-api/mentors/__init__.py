"""Mentors, what they are good at, and what people say about them."""
