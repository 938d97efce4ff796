"""Files of other systems to events of the wire: pure, no Django, no clock, no database.

`mapping` says what the columns mean, `reader` gives the records of a file one by one with their
line numbers, `rows` makes events of a record or says why it cannot. What never gets in:
connections, settings, the time of day, consent.
"""
