"""The fast path: an ordinary request over an open connection, and its ordinary answer.

Between a request and the socket, requests, urllib3 and the standard library handle each header
several times over, write head and body separately, parse the answer's head as if it were e-mail
and stack four readers upon its body: most of what a call costs. An ordinary exchange needs none of
that. Its request is joined and sent as one piece; its answer's head is checked by one pattern and
split; its body, small and of a known length, is received there and then.

All else goes the libraries' way: the first request on a connection, a request through a proxy, an
answer in chunks or with a cookie, a failure. So does every call while anything of those libraries
is not as they made it (`condition`): whoever hooks into them sees what they would see without this
folder. That costs time and nothing more. No request is sent twice: urllib3 goes on with an
exchange from where it stands.

The door is `begin`, which a call asks before it goes the libraries' way. Without this folder, and
without the line in `transport` that imports it, all calls go that way.

condition  when the fast path may be taken
prepared   a request, made from what does not change from call to call
message    its bytes, and what an answer's bytes say
exchange   one exchange, which may be left and picked up when its answer has come
"""

from .. import call
from .exchange import begin

__all__ = ["begin"]

call.Call.fast_path = staticmethod(begin)
