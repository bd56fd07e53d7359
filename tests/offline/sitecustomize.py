"""Python runs this at the start of every process that has this folder in PYTHONPATH: what would go out is refused.

Each attempt is a line in the file that CELLVINO_TEST_ATTEMPTS names, since whoever tries may swallow the refusal.
This computer may be asked; where CELLVINO_TEST_PORT names a port, no other one of it.
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
    refused = host and not str(host).startswith(LOOPBACK)
    if event == "socket.connect" and host and _PORT and str(given[1][1]) != _PORT:
        refused, host = True, f"{host}:{given[1][1]}"
    if refused:
        os.write(_ATTEMPTS, f"{event} {host}\n".encode())
        raise ConnectionRefusedError(f"tests refuse {event} to {host}")


_ATTEMPTS = os.open(os.environ["CELLVINO_TEST_ATTEMPTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_PORT = os.environ.get("CELLVINO_TEST_PORT")
sys.addaudithook(_watch)
