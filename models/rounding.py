"""Rounds a net's weights to 8 bits one after the other, each making up for what those before it changed: GPTQ (Frantar et al., "GPTQ: Accurate
Post-Training Quantization for Generative Pre-trained Transformers", ICLR 2023), after Optimal Brain Surgeon (Hassibi and Stork, 1993)."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from activations import activations

# Places of each picture at which a convolution's input is read.
PLACES = 256
# Added to the diagonal, as a part of its mean: GPTQ's own.
DAMPING = 0.01


def rounded(quantised: onnx.ModelProto, exact: onnx.ModelProto, moments: dict[str, np.ndarray]) -> onnx.ModelProto:
    """`quantised`, made of `exact`, with the same scales and other weights: those that give nearest to what the exact ones do, where the inputs
    of convolutions have these second moments."""
    constants = {tensor.name: tensor for tensor in quantised.graph.initializer}
    exact_weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in exact.graph.initializer}
    for node in exact.graph.node:
        stored = constants.get(f"{node.input[1]}_quantized") if node.op_type == "Conv" else None
        if stored is not None:
            weights, scales = exact_weights[node.input[1]], numpy_helper.to_array(constants[f"{node.input[1]}_scale"])
            whole = whole_numbers(weights.reshape(len(weights), -1), scales, moments[node.name])
            stored.CopyFrom(numpy_helper.from_array(whole.reshape(weights.shape), stored.name))
    return quantised


def whole_numbers(weights: np.ndarray, scales: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Of weights (outputs x inputs) the multiples of each output's scale, -127 to 127."""
    # The inputs that weigh most first: what is left for the last can no longer be made up for.
    order = np.argsort(-np.diag(moments))
    rest = weights[:, order].astype(np.float64)
    damped = moments[np.ix_(order, order)] + DAMPING * np.diag(moments).mean() * np.eye(len(order))
    shares = np.linalg.cholesky(np.linalg.inv(damped)).T
    whole = np.empty(rest.shape, np.int8)
    for place, column in enumerate(order):
        whole[:, column] = np.clip(np.round(rest[:, place] / scales), -127, 127)
        error = (rest[:, place] - whole[:, column] * scales) / shares[place, place]
        rest[:, place + 1 :] -= np.outer(error, shares[place, place + 1 :])
    return whole


def second_moments(model: onnx.ModelProto, inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Of each convolution the products of its inputs with each other, summed over places of the pictures."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    tensors = list(dict.fromkeys(node.input[0] for node in convolutions))
    random = np.random.default_rng(len(inputs))
    moments = {node.name: 0.0 for node in convolutions}
    for seen in activations(model, tensors, inputs):
        for node in convolutions:
            read = windows(seen[node.input[0]][0], node, random)
            moments[node.name] = moments[node.name] + read.T @ read
    return {name: sums.astype(np.float64) for name, sums in moments.items()}


def windows(read: np.ndarray, node: onnx.NodeProto, random: np.random.Generator) -> np.ndarray:
    """What the convolution sees at PLACES: places x (channels, rows and columns of its kernel)."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    padded = np.pad(read, ((0, 0), (top, bottom), (left, right)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, attributes["kernel_shape"], axis=(1, 2))
    down, across = attributes["strides"]
    seen = seen[:, ::down, ::across]
    rows, columns = random.integers(seen.shape[1], size=PLACES), random.integers(seen.shape[2], size=PLACES)
    return seen[:, rows, columns].transpose(1, 0, 2, 3).reshape(PLACES, -1)
