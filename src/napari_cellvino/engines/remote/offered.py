"""What the servers in the settings offer, for a menu."""

from __future__ import annotations

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.engines.engine import Device, EngineConnectionError, EngineTileError
from napari_cellvino.engines.remote.address import parse_address
from napari_cellvino.engines.remote.connect import open_client

ANSWERS_S = 3.0


def describe_server(text: str, model: str) -> Device:
    """Return a server as a device, with the model that it has or why it cannot be used; no pixel is sent."""
    try:
        address = parse_address(text)
        client = open_client(address, address.model or model)
    except DeviceError as error:
        return Device(text, f"Server {text}: {error}")
    try:
        served = client.describe(ANSWERS_S)
        state = f"{address.model or model} {address.version or ', '.join(served.versions)}".strip()
    except DeviceError:
        state = f"has no {address.model or model}"
    except EngineConnectionError:
        state = "does not answer"
    except EngineTileError:
        state = f"does not say whether it has {address.model or model}"
    finally:
        client.close()
    return Device(text, f"Server {address.authority}: {state}")
