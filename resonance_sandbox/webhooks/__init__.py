"""Webhooks: who subscribes to what, the outbox of events, and the worker that delivers them."""
