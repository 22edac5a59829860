"""A budget of retries that all calls of a client share.

While a server is down, retrying every call multiplies the traffic it has to recover under. So
each retry is paid for out of a common purse and each success pays something back: single failures
are always retried, an outage empties the purse and ends the retrying (the design is botocore's).
"""

from __future__ import annotations

import threading

from .fork import renewed_in_child

CAPACITY = 500
RETRY_COST = 5
SUCCESS_REFUND = 1


class RetryQuota:
    """A purse of tokens, safe to use from many threads.

    With the default numbers an outage is met by 100 retries, all calls together; after that each
    call is tried once, until successes have filled the purse again.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool):
            raise TypeError(f"capacity is a {type(capacity).__name__}, not a whole number")
        if capacity < 0:
            raise ValueError(f"capacity is {capacity}; it can't be negative")
        self.capacity = capacity
        self._available = capacity
        self._renew()
        renewed_in_child(self, RetryQuota._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    @property
    def available(self) -> int:
        """Tokens left."""
        return self._available

    def pay(self, cost: int = RETRY_COST) -> bool:
        """Take `cost` tokens; False, and nothing taken, where there are not that many."""
        with self._lock:
            if cost > self._available:
                return False
            self._available -= cost
            return True

    def refund(self, amount: int = SUCCESS_REFUND) -> None:
        """Put tokens back after a success: what the last retry cost, or one."""
        if self._available == self.capacity:
            return  # the usual case, and it needs no lock
        with self._lock:
            self._available = min(self.capacity, self._available + amount)
