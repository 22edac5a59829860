"""The reference client of the ResonanceOS v6 HTTP API: a folder to copy.

It needs requests alone and imports nothing from outside this folder.

api           ResonanceOSAPIClient: a method for each operation
asynchronous  AsyncResonanceOSAPIClient: the same for asyncio
calls/        what both can do, by topic
types         what goes in and what comes out, for type checkers
errors        what can go wrong with a call, a class for each reason
listener      a small server of this machine: for a log-in, for webhooks
system        what this machine can run out of
auth/         credentials, and how a request carries them
transport/    everything between a call and the socket
"""
