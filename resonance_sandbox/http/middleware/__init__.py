"""What every request passes, one job a module. Plain ASGI, for speed.

`app.create_app` puts them in order; those of one topic stand with it (`auth.middleware`,
`limits.middleware`, `metrics.middleware`, `control.request_log`, `faults.middleware`,
`idempotency.middleware`).
"""
