"""Everything between a call and the socket.

call         one call: its attempts and what lies between them
shared       what the calls of a client have in common
in_flight    an exchange that goes on while nobody waits for it
signing      credentials, and where they may go
payload      a request's JSON
retry        when a failed attempt is tried again, and after how long
retry_after  the Retry-After header
quota        the budget of retries that all calls share
rate_limit   the server's rate limit, as its answers tell it
policy       what one policy of it lets go, and what others use of it
limiter      when the next request may leave, by all of them
session      a requests.Session whose timeouts hold in wall-clock time
connections  urllib3's connections and pools, which keep to a deadline
cancellation breaking off a call from another thread
deadline     a timeout that is a point in time
fast/        an ordinary exchange, without the libraries' way around it
answer       the dict that a call returns
fields       what a type checker knows of it
content      what of a response may become one
failure      why an attempt brought no answer
arguments    what several classes take, checked
address      what can be an address, and which are this machine's
redaction    headers and errors as anybody may see them
fork         what a forked process must not share with the one it came from
"""

from . import fast as fast  # the door of the fast path: without this line all works, slower
from .answer import Answer
from .call import Call, Later
from .in_flight import InFlight
from .limiter import Limiter
from .rate_limit import RateLimit
from .retry import NO_RETRIES, RetryPolicy
from .session import Adapter, Session
from .shared import Transport

__all__ = [
    "NO_RETRIES",
    "Adapter",
    "Answer",
    "Call",
    "InFlight",
    "Later",
    "Limiter",
    "RateLimit",
    "RetryPolicy",
    "Session",
    "Transport",
]
