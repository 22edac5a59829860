"""Who calls, what they may do, and the API keys that prove it."""
