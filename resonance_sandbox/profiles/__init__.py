"""Profiles: their routes and their store."""
