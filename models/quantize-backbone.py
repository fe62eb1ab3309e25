#!/usr/bin/env python3
"""Makes the 8-bit backbone of a bundle: OUTPUT/backbone-int8.onnx, and prints the [backbone.int8] of its model.toml.

usage: quantize-backbone.py BUNDLE OUTPUT FOLDER...      (packages of requirements.txt; OUTPUT a new folder)

FOLDERs hold pictures of every kind that the net will see, ham, spam and drawn lures, at any depth: a seeded choice of PICTURES of them tells how
far activations range, and a kind that is missing there is cut off.

1. What no head of BUNDLE reads is cut off.
2. Channels are equalised, which changes no result: a ReLU lets a channel be divided by a factor that the weights behind it are multiplied by
   (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019). The factor is the channel's range.
3. The first convolution reads four pixels as one of 12 channels (space to depth), which gives the same: ONNX Runtime's kernels for 8 bits want a
   number of channels that 4 divides, and with 3 they take longer than those for float32.
4. ONNX Runtime's static quantisation of the convolutions: 8-bit weights for each channel, 8-bit activations, whose ranges are the extremes over
   the pictures, smoothed. Behind a ReLU the range is that of what it lets through: named with the convolutions, it becomes part of them, and
   their 256 steps are not spent on what is below 0. Of the pixels it is all that a pixel can be: faint writing is at the end of it. Pooling and
   square roots stay in float32.
5. The weights are rounded anew, together (rounding.py).
6. Each feature gets a factor, so that its mean over the pictures is what it is in float32.
7. Large areas of a picture are of one colour, and what the first convolution gives there is rounded alike all over them: its range is tried with
   each of FACTORS, and that kept which gives the nearest features on the pictures.
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
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from activations import PIXELS, activations
from pixels import opened, pixels
from rounding import rounded, second_moments

PICTURES = 300
SEED = 42
FACTORS = (0.95, 1.0, 1.05)
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
    onnx.utils.extract_model(str(path), str(path), [PIXELS], outputs)
    quant_pre_process(str(path), str(path), skip_symbolic_shape=True)
    return path


def ranges(model: onnx.ModelProto, tensors: list[str], inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Of each channel of the tensors the greatest activation of a picture, averaged over the pictures."""
    total = {tensor: 0.0 for tensor in tensors}
    for seen in activations(model, tensors, inputs):
        for tensor in tensors:
            total[tensor] = total[tensor] + seen[tensor].max(axis=(0, 2, 3))
    return {tensor: greatest / len(inputs) for tensor, greatest in total.items()}


def stem(model: onnx.ModelProto) -> list[str]:
    """What the first convolution gives, and what is left of it behind the pool."""
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    return [pool.input[0], pool.output[0]]


def known_ranges(model: onnx.ModelProto, view: dict, inputs: list[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Least and greatest where these are not simply the extremes that ONNX Runtime finds: of the pixels; of what is added up in front of a ReLU,
    which goes no further below 0 than the other summand goes above it, for the ReLU cuts off what is less; and of the stem, for FACTORS."""
    others = dict(pair for node in model.graph.node if node.op_type == "Add" for pair in (node.input, node.input[::-1]))
    tensors = [*others, stem(model)[0]]
    extremes = {tensor: np.zeros(2, np.float32) for tensor in tensors}
    for seen in activations(model, tensors, inputs):
        for tensor in tensors:
            extremes[tensor] += np.array([min(seen[tensor].min(), 0), seen[tensor].max()]) / len(inputs)
    known = {one: (max(extremes[one][0], -extremes[other][1]), extremes[one][1]) for one, other in others.items()}
    known |= dict.fromkeys(stem(model), extremes[stem(model)[0]])
    first = next(node.input[0] for node in model.graph.node if node.op_type == "Conv")
    of_pixels = [(value - mean) / deviation for mean, deviation in zip(view["mean"], view["deviation"]) for value in (0, 255)]
    return known | {first: (min(of_pixels), max(of_pixels))}


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
    greatest = ranges(model, tensors, inputs)

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
        reach = np.max([greatest[tensor] for tensor in relus], axis=0)
        reach = np.maximum(reach, reach.max() / 1000)
        factors = (reach / np.exp(np.log(reach).mean())).astype(np.float32)
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


def four_as_one(model: onnx.ModelProto, view: dict) -> onnx.ModelProto:
    """With its first convolution, of 7 x 7 pixels and every second of them, as one of 4 x 4 squares of 2 x 2 pixels."""
    graph = model.graph
    convolution = next(node for node in graph.node if node.op_type == "Conv")
    transposed = next(node for node in graph.node if node.output[0] == convolution.input[0])
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in convolution.attribute}
    assert (attributes["kernel_shape"], attributes["strides"], attributes["pads"]) == ([7, 7], [2, 2], [3, 3, 3, 3])
    weights = next(tensor for tensor in graph.initializer if tensor.name == convolution.input[1])
    kernels = numpy_helper.to_array(weights)
    # 3 pixels in front of the middle are two squares less one pixel, whose weights are 0.
    kernels = np.pad(kernels, ((0, 0), (0, 0), (1, 0), (1, 0))).reshape(-1, 3, 4, 2, 4, 2).transpose(0, 3, 5, 1, 2, 4).reshape(-1, 12, 4, 4)
    weights.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kernels), weights.name))
    del convolution.attribute[:]
    convolution.attribute.extend(helper.make_node("Conv", [], [], kernel_shape=[4, 4], strides=[1, 1], pads=[2, 2, 1, 1]).attribute)
    rows, columns = view["height"] // 2, view["width"] // 2
    shapes = {"pairs_of_rows": [0, rows, 2, columns * 6], "half": [0, rows, columns, 6]}
    graph.initializer.extend(numpy_helper.from_array(np.array(shape), name) for name, shape in shapes.items())
    place = list(graph.node).index(transposed)
    graph.node.remove(transposed)
    for node in (
        helper.make_node("Transpose", ["squares"], [convolution.input[0]], perm=[0, 3, 1, 2]),
        helper.make_node("Concat", ["upper", "lower"], ["squares"], axis=3),
        helper.make_node("Reshape", ["lower_rows", "half"], ["lower"]),
        helper.make_node("Reshape", ["upper_rows", "half"], ["upper"]),
        helper.make_node("Split", ["rows"], ["upper_rows", "lower_rows"], axis=2),
        helper.make_node("Reshape", [PIXELS, "pairs_of_rows"], ["rows"], name="first"),
    ):
        graph.node.insert(place, node)
    del graph.value_info[:]
    return model


def pixels_first(graph: onnx.GraphProto) -> None:
    """Puts the pixels into 8 bits before they are put into squares, instead of after it."""
    first = next(node for node in graph.node if node.name == "first")
    last = next(node for node in graph.node if node.op_type == "Transpose")
    quantise = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == last.output[0])
    last.output[0], quantise.output[0] = quantise.output[0], f"{PIXELS}/8"
    quantise.input[0], first.input[0] = PIXELS, f"{PIXELS}/8"
    graph.node.remove(quantise)
    graph.node.insert(list(graph.node).index(first), quantise)
    del graph.value_info[:]


def features(model: onnx.ModelProto, outputs: list[str], inputs: list[np.ndarray]) -> np.ndarray:
    """Pictures x features, those of one output behind those of the other."""
    return np.concatenate([np.concatenate([seen[output] for output in outputs], axis=1) for seen in activations(model, outputs, inputs)])


def corrected(model: onnx.ModelProto, true: np.ndarray, outputs: list[str], inputs: list[np.ndarray]) -> tuple[float, onnx.ModelProto]:
    """With features whose means over the pictures are those of the `true` ones; in front of it how far off their roots are then, which the head
    reads: root mean square, in their own deviations over the pictures."""
    factors = {tensor.name: tensor for tensor in model.graph.initializer}
    rough = features(model, outputs, inputs)
    mean = rough.mean(axis=0)
    # A feature that is none on any of the pictures keeps its factor.
    shares = np.divide(true.mean(axis=0), mean, out=np.ones_like(mean), where=mean > 1e-6)
    begin = 0
    for output in outputs:
        factor = factors[f"{output}/factors"]
        values = numpy_helper.to_array(factor)
        factor.CopyFrom(numpy_helper.from_array(values * shares[begin : begin + values.size], factor.name))
        begin += values.size
    true, rough = (np.sqrt(np.maximum(values, 0)) for values in (true, rough * shares))
    return float(np.sqrt(np.mean(((rough - true) / (true.std(axis=0) + 1e-6)) ** 2))), model


def quantised(model: onnx.ModelProto, known: dict[str, tuple], moments: dict[str, np.ndarray], inputs: list[np.ndarray], folder: Path) -> onnx.ModelProto:
    exact, rough = folder / "equalised.onnx", folder / "quantised.onnx"
    onnx.save(model, exact)
    overrides = {tensor: [{"rmin": np.float32(least), "rmax": np.float32(greatest)}] for tensor, (least, greatest) in known.items()}
    quantize_static(
        str(exact), str(rough), Pictures(PIXELS, inputs), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=False,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Relu", "MaxPool"],
        calibrate_method=CalibrationMethod.MinMax, extra_options={"CalibMovingAverage": True, "TensorQuantOverrides": overrides},
    )
    made = rounded(onnx.load(rough), model, moments)
    pixels_first(made.graph)
    return made


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
        true = features(onnx.load(exact), outputs, inputs)
        model = four_as_one(equalised(exact, inputs), view)
        known, moments, made = known_ranges(model, view, inputs), second_moments(model, inputs), []
        for factor in FACTORS:
            tried = known | {tensor: (0, known[tensor][1] * factor) for tensor in stem(model)}
            made.append(corrected(quantised(model, tried, moments, inputs, Path(folder)), true, outputs, inputs))
        onnx.save(min(made, key=lambda tried: tried[0])[1], target)
    known = features(onnx.load(target), outputs, [pixels(known_picture(), view)])
    digest, of = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (target, bundle / "backbone.onnx"))
    print(f'[backbone.int8]\nfile = "{target.name}"\nsha256 = "{digest}"\nof = "{of}"\nfeatures_norm = {np.linalg.norm(known):.5f}')


if __name__ == "__main__":
    main()
