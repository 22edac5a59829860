"""What every request and answer passes: JSON, problems, bounds, the OpenAPI document."""
