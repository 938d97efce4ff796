"""A rule as a form: rows, controls and words, and back to a tree. Pure."""
