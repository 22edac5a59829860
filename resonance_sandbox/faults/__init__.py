"""Faults on demand: what a client has to survive, declared by rule and met again on every run.

`kinds` says what can go wrong, `engine` which request meets it, `middleware` and `wire` do it,
`routes` and `control` let people ask for it. Nothing is imported here: the server needs no HTTP
client, and `control`, which runs in the caller's process, needs no server.
"""
