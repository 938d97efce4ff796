"""How many visitors a rule touches: profiles laid out for SQL, rules compiled to it, counts.

`counting.reach_now(rule, now=…, among=…)` is the way in. The rule language's SQL reader is
`compiling.rule_sql`; that it answers as the memory reader does is a law, checked by test and
nightly on live data (`comparing`).
"""
