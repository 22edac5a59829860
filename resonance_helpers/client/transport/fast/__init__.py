"""The fast path: an ordinary request over an open connection, and its ordinary answer."""
