"""Networks, data sets, fitting and conversion: needs the ``[train]`` extra (torch, onnx).

Nothing here is imported by the window or the command line until somebody trains a model.
"""
