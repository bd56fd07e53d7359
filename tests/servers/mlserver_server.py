"""MLServer with a network: ``mlserver_server.py MODEL.xml NAME HTTP_PORT GRPC_PORT``."""

import asyncio
import sys

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from network import Network


class Served(MLModel):
    async def load(self) -> bool:
        self._network = Network(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        maps = self._network(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("maps", maps)])


async def serve(path: str, name: str, http: str, grpc: str) -> None:
    settings = Settings(
        host="127.0.0.1", http_port=int(http), grpc_port=int(grpc), parallel_workers=0, metrics_endpoint=None,
        grpc_max_message_length=-1,
    )  # fmt: skip
    model = ModelSettings(name=name, implementation=Served, parameters={"uri": path, "version": "1"})
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
