"""Tenants: their routes, and what a fresh sandbox holds."""
