"""A server that runs the network: the Open Inference Protocol (KServe v2) over gRPC or REST."""
