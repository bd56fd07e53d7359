"""KServe's own model server with a network: ``kserve_server.py MODEL.xml NAME HTTP_PORT GRPC_PORT``."""

import sys

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from network import Network


class Served(Model):
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self._network = Network(path)
        self.ready = True

    def predict(self, request: InferRequest, headers=None, response_headers=None) -> InferResponse:
        maps = self._network(request.inputs[0].as_numpy())
        output = InferOutput("maps", list(maps.shape), request.inputs[0].datatype)
        output.set_data_from_numpy(maps, binary_data=True)
        return InferResponse(request.id, self.name, [output])


if __name__ == "__main__":
    path, name, http, grpc = sys.argv[1:5]  # kserve reads what follows
    ModelServer(http_port=int(http), grpc_port=int(grpc), workers=1, enable_docs_url=False).start([Served(name, path)])
