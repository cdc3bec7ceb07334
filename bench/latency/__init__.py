"""The diagnosis beside the truth: real servers that time themselves, and how fast a week of lines is assessed."""
