"""Open a client for an address, with what the environment has to show there."""

from __future__ import annotations

import ssl
from pathlib import Path

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.settings import ServerAccess, server_access
from napari_cellvino.engines.remote.address import ServerAddress
from napari_cellvino.engines.remote.protocol import Client, Credentials


def open_client(address: ServerAddress, model: str) -> Client:
    """Return a client for a model of a server; nothing is sent yet.

    Raises
    ------
    DeviceError
        If the extra is missing, a file of certificates cannot be read, or a token would travel in the clear.
    """
    access = server_access()
    if access.token and not (address.secure or address.loopback):
        raise DeviceError(
            f"the token in CELLVINO_SERVER_TOKEN would go to {address.server} in the clear; use grpcs:// or https://"
        )
    try:
        if address.scheme.startswith("grpc"):
            from napari_cellvino.engines.remote.grpc_client import GrpcClient

            return GrpcClient(address, model, _credentials(access))
        from napari_cellvino.engines.remote.rest_client import RestClient

        return RestClient(address, model, _credentials(access), _context(access))
    except ImportError as error:
        raise DeviceError(f"servers need the extra 'remote' ({error}): pip install napari-cellvino[remote]") from error


def _credentials(access: ServerAccess) -> Credentials:
    read = [_content(path) for path in (access.authority, access.certificate, access.key)]
    return Credentials(access.token, *read)


def _content(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise DeviceError(f"the certificates in {path} cannot be read: {error.strerror}") from error


def _context(access: ServerAccess) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.authority)
        if access.certificate is not None:
            context.load_cert_chain(access.certificate, access.key)
    except (OSError, ssl.SSLError) as error:
        raise DeviceError(f"the certificates that CELLVINO_SERVER_… name cannot be used: {error}") from error
    return context
