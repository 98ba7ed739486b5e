"""A TFLite graph of one 1x1 convolution, written without TensorFlow."""

from pathlib import Path

import numpy as np


def write(path: Path, weights: np.ndarray, bias: np.ndarray, side: int = 8) -> Path:
    """From (1, side, side, 3) to (1, side, side, n), each pixel for itself: weights (n, 3) and bias (n,)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name, shape, buffer):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), schema.TensorType.FLOAT32, buffer
        return made

    def buffer(array=None):
        made = schema.BufferT()
        made.data = None if array is None else np.frombuffer(array.astype("<f4").tobytes(), np.uint8)
        return made

    outputs = len(bias)
    graph, operator, options, code, model = (
        getattr(schema, f"{kind}T")() for kind in ("SubGraph", "Operator", "Conv2DOptions", "OperatorCode", "Model")
    )
    graph.tensors = [
        tensor("image", (1, side, side, 3), 0),
        tensor("weights", (outputs, 1, 1, 3), 1),
        tensor("bias", (outputs,), 2),
        tensor("mask", (1, side, side, outputs), 3),
    ]
    options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    operator.inputs, operator.outputs, operator.opcodeIndex = [0, 1, 2], [3], 0
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    graph.inputs, graph.outputs, graph.operators, graph.name = [0], [3], [operator], "main"
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [buffer(), buffer(weights), buffer(bias), buffer()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
