"""Tests of servers need the extra that asks them."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("grpc") else ["test_server_engine.py", "test_real_servers.py"]
