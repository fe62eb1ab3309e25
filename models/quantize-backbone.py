#!/usr/bin/env python3
"""Makes the 8-bit backbone of a bundle: OUTPUT/backbone-int8.onnx, and prints the [backbone.int8] of its model.toml.

usage: quantize-backbone.py BUNDLE OUTPUT FOLDER...      (packages of requirements.txt; OUTPUT a new folder)

FOLDERs hold pictures of every kind that the net will see, ham, spam and drawn lures, at any depth: a seeded choice of PICTURES of them tells how
far activations range, and a kind that is missing there is cut off.

1. What no head of BUNDLE reads is cut off.
2. Channels are equalised, which changes no result: a ReLU lets a channel be divided by a factor that the weights behind it are multiplied by
   (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019). The factor is the channel's range to the
   power of SHIFT by the range of these weights to the power of 1 - SHIFT, as in SmoothQuant (Xiao et al., ICML 2023).
3. ONNX Runtime's static quantisation of the convolutions: 8-bit weights for each channel, 8-bit activations, whose ranges are the extremes over
   the pictures, smoothed. Behind a ReLU the range is that of what it lets through: named with the convolutions, it becomes part of them, and
   their 256 steps are not spent on what is below 0. The first FLOAT_CONVOLUTIONS, where faint writing would drown, and pooling and square
   roots stay in float32.
4. Each feature gets a factor, so that its mean over the pictures is what it is in float32.
"""

import hashlib
import logging
import random
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnx.version_converter
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from pixels import opened, pixels

PICTURES = 300
SEED = 42
SHIFT = 0.6
# The stem, and the first block of stage 1.
FLOAT_CONVOLUTIONS = 5
# The tensors that leave the stages, as in cut-backbone.py, and the outputs that are pooled from them.
STAGES = {
    "Relu_9:0": ("stage1_mean", "stage1_deviation"),
    "Relu_21:0": ("stage2_mean", "stage2_deviation"),
    "Relu_39:0": ("stage3_mean", "stage3_deviation"),
    "Relu_48:0": ("features", "stage4_deviation"),
}


def known_picture() -> Image.Image:
    """That of src/model/verify.rs."""
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    square = np.where((x // 16 + y // 16) % 2 == 0, 255, 0)
    return Image.fromarray(np.stack([x * 255 // 319, y * 255 // 239, square], axis=-1).astype(np.uint8))


def chosen(folders: list[str], view: dict) -> list[np.ndarray]:
    """PICTURES, as many of each FOLDER, and there of each of the deepest folders, as far as they have them."""
    rng = random.Random(SEED)
    inputs = []
    for folder in folders:
        sources: dict[Path, list[Path]] = {}
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                sources.setdefault(path.parent, []).append(path)
        for paths in sources.values():
            rng.shuffle(paths)
        longest = max(map(len, sources.values()), default=0)
        in_turn = [paths[turn] for turn in range(longest) for paths in sources.values() if turn < len(paths)]
        of_folder = []
        while in_turn and len(of_folder) < PICTURES // len(folders):
            try:
                of_folder.append(pixels(opened(in_turn.pop(0)), view))
            except (OSError, ValueError):
                continue  # not every file of a package is a picture that can be read
        inputs += of_folder
    rng.shuffle(inputs)
    return inputs


class Pictures(CalibrationDataReader):
    def __init__(self, name: str, inputs: list[np.ndarray]) -> None:
        self.name, self.inputs = name, iter(inputs)

    def get_next(self) -> dict | None:
        picture = next(self.inputs, None)
        return None if picture is None else {self.name: picture}


def prepared(backbone: Path, outputs: list[str], folder: Path) -> Path:
    """With the outputs alone, in an operator set that has scales for each channel, its constants folded."""
    path = folder / "prepared.onnx"
    onnx.save(onnx.version_converter.convert_version(onnx.load(backbone), 13), path)
    onnx.utils.extract_model(str(path), str(path), ["pixels"], outputs)
    quant_pre_process(str(path), str(path), skip_symbolic_shape=True)
    return path


def ranges(path: Path, tensors: list[str], inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Of each channel of the tensors the greatest activation of a picture, averaged over the pictures."""
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None) for tensor in tensors)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    total = {tensor: 0.0 for tensor in tensors}
    for picture in inputs:
        for tensor, activations in zip(tensors, session.run(tensors, {"pixels": picture})):
            total[tensor] = total[tensor] + activations.max(axis=(0, 2, 3))
    return {tensor: greatest / len(inputs) for tensor, greatest in total.items()}


def equalised(path: Path, inputs: list[np.ndarray]) -> onnx.ModelProto:
    model = onnx.load(path)
    graph = model.graph
    makers = {output: node for node in graph.node for output in node.output}
    takers: dict[str, list] = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    tensors = [node.output[0] for node in graph.node if node.op_type == "Relu"]
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    greatest = ranges(path, tensors, inputs)

    def stream(tensor: str) -> tuple[list[str], list]:
        """The ReLUs whose channels are those of `tensor`, along the residual additions, and the convolutions that make them."""
        node = makers[tensor]
        if node.op_type == "Conv":
            return [], [node]
        parts = [stream(name) for name in node.input]
        relus = [tensor] if node.op_type == "Relu" else []
        return relus + sum((part[0] for part in parts), []), sum((part[1] for part in parts), [])

    def convolutions(tensor: str) -> list:
        nodes = takers.get(tensor, [])
        behind_pools = [node for pool in nodes if pool.op_type == "MaxPool" for node in convolutions(pool.output[0])]
        return [node for node in nodes if node.op_type == "Conv"] + behind_pools

    streams = [stream(tensor) for tensor in STAGES]
    in_streams = {tensor for relus, _ in streams for tensor in relus}
    streams += [stream(tensor) for tensor in tensors if tensor not in in_streams]
    for relus, made_by in streams:
        relus, made_by = list(dict.fromkeys(relus)), {node.name: node for node in made_by}.values()
        taken_by = [node for tensor in relus for node in convolutions(tensor)]
        activations = np.max([greatest[tensor] for tensor in relus], axis=0)
        activations = np.maximum(activations, activations.max() / 1000)
        shares = np.ones_like(activations)
        if taken_by:
            kernels = [np.abs(weights[node.input[1]]) for node in taken_by]
            shares = np.max([(kernel.max(axis=(2, 3)) / kernel.max(axis=(1, 2, 3))[:, None]).max(axis=0) for kernel in kernels], axis=0)
            shares = np.maximum(shares, shares.max() / 1000)
        factors = activations**SHIFT / shares ** (1 - SHIFT)
        factors = (factors / np.exp(np.log(factors).mean())).astype(np.float32)
        for node in made_by:
            weights[node.input[1]] /= factors[:, None, None, None]
            weights[node.input[2]] /= factors
        for node in taken_by:
            weights[node.input[1]] *= factors[None, :, None, None]
        for output in [name for tensor in relus for name in STAGES.get(tensor, ()) if name in makers]:
            graph.initializer.append(numpy_helper.from_array(factors[None], f"{output}/factors"))
            makers[output].output[0] = f"{output}/divided"
            graph.node.append(helper.make_node("Mul", [f"{output}/divided", f"{output}/factors"], [output]))
    for tensor in graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    return model


def means(model: Path, outputs: list[str], inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Of each number of each output its mean over the pictures."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    runs = [session.run(outputs, {"pixels": picture}) for picture in inputs]
    return [np.mean([run[place] for run in runs], axis=0) for place in range(len(outputs))]


def corrected(model: Path, exact: Path, outputs: list[str], inputs: list[np.ndarray]) -> onnx.ModelProto:
    graph = onnx.load(model)
    factors = {tensor.name: tensor for tensor in graph.graph.initializer}
    for output, true, rough in zip(outputs, means(exact, outputs, inputs), means(model, outputs, inputs)):
        factor = factors[f"{output}/factors"]
        # A feature that is none on any of the pictures keeps its factor.
        share = np.divide(true, rough, out=np.ones_like(true), where=rough > 1e-6)
        factor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(factor) * share, factor.name))
    return graph


def main() -> None:
    bundle, output = Path(sys.argv[1]), Path(sys.argv[2])
    manifest = tomllib.loads((bundle / "model.toml").read_text())
    view, outputs = manifest["view"][0], manifest["backbone"]["outputs"]
    logging.disable(logging.WARNING)
    inputs = chosen(sys.argv[3:], view)
    output.mkdir()
    target = output / "backbone-int8.onnx"
    with tempfile.TemporaryDirectory() as folder:
        exact = prepared(bundle / "backbone.onnx", outputs, Path(folder))
        model, path = equalised(exact, inputs), Path(folder) / "equalised.onnx"
        onnx.save(model, path)
        convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
        quantize_static(
            str(path), str(target), Pictures("pixels", inputs), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=False,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Relu"],
            nodes_to_exclude=convolutions[:FLOAT_CONVOLUTIONS], calibrate_method=CalibrationMethod.MinMax, extra_options={"CalibMovingAverage": True},
        )
        onnx.save(corrected(target, exact, outputs, inputs), target)
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    features = np.concatenate(session.run(outputs, {"pixels": pixels(known_picture(), view)}), axis=1)
    digest, of = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (target, bundle / "backbone.onnx"))
    print(f'[backbone.int8]\nfile = "{target.name}"\nsha256 = "{digest}"\nof = "{of}"\nfeatures_norm = {np.linalg.norm(features):.5f}')


if __name__ == "__main__":
    main()
