"""Benchmarks anyone can rerun, each a command: `python -m bench.accept` and so on.

Each starts what it needs in a throw-away folder (real PostgreSQL and Redis, nothing switched off
that production has on), measures against a reference in the same minutes, and prints a table and
one line of JSON with machine, versions and commit.
"""
