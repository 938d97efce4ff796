"""Campaigns: their life, their versions, and how they get on pages."""
