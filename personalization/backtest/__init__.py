"""Backtests: a draft replayed on past events, with competition, before it is published."""
