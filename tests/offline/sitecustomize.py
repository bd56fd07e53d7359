"""Python runs this at the start of every process that has this folder in PYTHONPATH: what would go out is refused.

Each attempt is a line in the file that CELLVINO_TEST_ATTEMPTS names, since whoever tries may swallow the refusal.
"""

import os
import sys

LOOPBACK = ("127.", "::1", "localhost")
ASKS_FOR_A_HOST = ("socket.getaddrinfo", "socket.gethostbyname")
SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")


def _host(event, given):
    """Return the host that an event is about, or None."""
    if event in ASKS_FOR_A_HOST:
        return given[0]
    if event in SENDS and isinstance(given[1], tuple):  # the address of another family is a path or a number
        return given[1][0]
    return None


def _watch(event, given):
    host = _host(event, given)
    host = host.decode() if isinstance(host, bytes) else host
    if host and not str(host).startswith(LOOPBACK):
        os.write(_ATTEMPTS, f"{event} {host}\n".encode())
        raise ConnectionRefusedError(f"tests refuse {event} to {host}")


_ATTEMPTS = os.open(os.environ["CELLVINO_TEST_ATTEMPTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
sys.addaudithook(_watch)
