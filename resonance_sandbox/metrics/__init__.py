"""GET /metrics: what the server measures of itself."""
