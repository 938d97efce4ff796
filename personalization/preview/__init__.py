"""A draft before it is published: a variant's card, and the real page as anybody would see it.

`page` decides and renders for a chosen subject (`subjects`), with the draft among the published
rules (`draft`). Nothing of it is counted, kept or reported, and nobody but its maker sees it.
"""
