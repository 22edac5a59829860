"""The operations of the API, a class for each topic; the client is all of them.

base        what every call is made of
health      GET /health and /metrics
generation  POST /hr_generate and /hrv
profiles    /tenants and /profiles
api_keys    /api_keys
webhooks    /webhooks
"""
