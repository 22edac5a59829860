"""Webhooks: who subscribes to what, the outbox of events, and the courier that delivers them."""
