"""From bytes to clean events: pure, no Django, no clock, no database.

`wire` is what a client sends, `parse` refuses what cannot be used (at the door, by event),
`steps` cleans what was accepted (in the worker). What never gets in: connections, settings,
the time of day, a visitor's address.
"""
