"""GET /health, and the components that it probes."""
