"""Helpers for the ResonanceOS v6 API tutorial."""
