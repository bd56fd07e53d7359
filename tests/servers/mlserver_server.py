"""MLServer with what was exported for it: ``mlserver_server.py FOLDER/NAME/model.xml NAME HTTP_PORT GRPC_PORT``."""

import asyncio
import json
import sys
from pathlib import Path

from mlserver import MLServer, ModelSettings, Settings


async def serve(path: str, name: str, http: str, grpc: str) -> None:
    folder = Path(path).parent
    limits = json.loads((folder.parent / "settings.json").read_text())
    ports = {"host": "127.0.0.1", "http_port": int(http), "grpc_port": int(grpc), "metrics_endpoint": None}
    model = ModelSettings.parse_file(str(folder / "model-settings.json"))
    assert model.name == name
    await MLServer(Settings(**limits, **ports)).start([model])


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
