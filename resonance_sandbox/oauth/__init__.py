"""OAuth 2.0: an authorization server, whose grammar is oauthlib's, and its JWT access tokens."""
