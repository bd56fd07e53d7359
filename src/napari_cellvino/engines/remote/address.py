"""Addresses of servers, as the user names them: ``grpc://host:9000`` or ``https://host/MODEL/versions/2``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from napari_cellvino.core.errors import DeviceError

_PORTS = {"grpc": 9000, "grpcs": 9000, "http": 80, "https": 443}
_EXAMPLE = "write it like grpc://host:9000, https://host, or with a model: grpc://host:9000/nuclei/versions/1"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server, and the model there; ``model`` is empty for that of the package's name, ``version`` for any."""

    scheme: str
    host: str
    port: int
    model: str = ""
    version: str = ""

    @property
    def server(self) -> str:
        """The address without the model, as the user and the record see it."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.scheme in ("grpcs", "https")

    @property
    def loopback(self) -> bool:
        """Whether it is this computer."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def is_address(device: str) -> bool:
    """Return whether a device is a server."""
    return "://" in device


def parse_address(text: str) -> ServerAddress:
    """Return the server that a text names.

    Raises
    ------
    DeviceError
        If it is no address, or has what does not belong there, such as a token.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise DeviceError(f"{text!r} is no address of a server: {error}; {_EXAMPLE}") from error
    if parts.username is not None or parts.query or parts.fragment:
        raise DeviceError(
            "an address holds no user, password or token, since it is recorded with the results; "
            "set CELLVINO_SERVER_TOKEN instead"
        )
    if parts.scheme not in _PORTS or not parts.hostname:
        raise DeviceError(f"{text!r} is no address of a server; {_EXAMPLE}")
    path = [part for part in parts.path.split("/") if part]
    if len(path) not in (0, 1, 3) or (len(path) == 3 and path[1] != "versions"):
        raise DeviceError(f"{text!r} names no model in a way that is known; {_EXAMPLE}")
    model, version = (path[0] if path else ""), (path[2] if len(path) == 3 else "")
    return ServerAddress(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], model, version)
