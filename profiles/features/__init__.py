"""Declared features: what a published rule asks of events, kept up to date event by event. Pure.

A feature is an event type, a filter over properties, an aggregation and a window
(`definition.Feature`). `checks.feature_parse` turns JSON into one or says which part is wrong,
`fold` keeps it in a FeatureState incrementally, and `batch.feature_value` computes it from a plain
list of events, by definition: what the fold is tested against, and what a replay reads.
What never gets in: clocks, settings, storage, visitor ids, Django.
"""
