"""Everything between a call and the socket.

call         one call: its attempts and what lies between them
retry        when a failed attempt is tried again, and after how long
retry_after  the Retry-After header
quota        the budget of retries that all calls share
rate_limit   the server's rate limit, as its answers tell it
limiter      when the next request may leave, by that
session      a requests.Session that does less for each call
short_way    an ordinary exchange, without the libraries' way around it
pools        urllib3's connections and pools, with a deadline and a short way
deadline     a timeout that holds in wall-clock time
answer       what of a response becomes a dict in the caller's hands
failure      why an attempt brought no answer
arguments    what several classes take, checked
redaction    headers and errors as anybody may see them
fork         what a forked process must not share with the one it came from
"""

from .answer import Answer
from .call import Call, Later, Transport
from .limiter import Limiter
from .pools import InFlight
from .rate_limit import RateLimit
from .retry import NO_RETRIES, RetryPolicy
from .session import Adapter, Session

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
