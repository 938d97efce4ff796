"""The rule engine: a tree of conditions, evaluated from a context. Pure.

`conditions.CONDITIONS` lists what can be asked, `tree.rule_parse` turns JSON into a rule or says
which field is wrong, `tree.Node.test` answers True, False or None (unknown) and, given a list,
writes down why. What never gets in: requests, clocks, storage, Django.
"""
