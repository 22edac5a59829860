"""/sandbox/…: what only a sandbox has."""
