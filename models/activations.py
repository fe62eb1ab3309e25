"""What is within a net while it looks at pictures."""

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

# What the net reads.
PIXELS = "pixels"


def activations(model: onnx.ModelProto, tensors: list[str], inputs: list[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """For each picture the tensors, by name."""
    showing = onnx.ModelProto()
    showing.CopyFrom(model)
    del showing.graph.output[:]
    showing.graph.output.extend(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None) for tensor in tensors)
    session = onnxruntime.InferenceSession(showing.SerializeToString(), providers=["CPUExecutionProvider"])
    for picture in inputs:
        yield dict(zip(tensors, session.run(tensors, {PIXELS: picture})))
