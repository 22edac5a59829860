"""The operations of the API, one topic a file."""
