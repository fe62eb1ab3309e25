"""The backbone of an ONNX file as a PyTorch module that can be trained, and back.

The published net has its batch normalisation folded into its convolutions. Trained without any, its activations grew a hundredfold;
so a normalisation is put behind each convolution again, with mean and deviation as measured, which changes nothing at first, and
folded away when the weights are written back.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

# Of each net, by its graph's name: channel means, what the rest is divided by, and whether blue comes first.
INPUTS = {"resnet50-thin": ((104.0, 117.0, 123.0), 1.0, True)} | {f"efficientnet-lite{size}": ((127.0,) * 3, 128.0, False) for size in range(3)}


class Backbone(nn.Module):
    """Pixels, N x 3 x H x W, red, green, blue from 0 to 255, to mean and deviation of each stage."""

    def __init__(self, path: str):
        super().__init__()
        model = onnx.load(path)
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.nodes, self.convolutions, self.norms = [], nn.ModuleList(), nn.ModuleList()
        mean, self.scale, self.blue_first = INPUTS[model.graph.name]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        # What leaves each stage: what the file pools first.
        self.stages = []
        for node in model.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Conv":
                weight, bias = weights[node.input[1]], weights[node.input[2]]
                groups = attributes.get("group", 1)
                layer = nn.Conv2d(groups * weight.shape[1], weight.shape[0], weight.shape[2:], attributes["strides"], groups=groups)
                top, left, bottom, right = attributes.get("pads", [0] * 4)
                # Padding on one side more than on the other is not Conv2d's.
                layer.edges = None if (top, left) == (bottom, right) else (left, right, top, bottom)
                layer.padding = (0, 0) if layer.edges else (top, left)
                layer.weight.data = torch.from_numpy(weight.copy())
                layer.bias.data = torch.from_numpy(bias.copy())
                layer.names = (node.input[1], node.input[2])
                self.nodes.append(("Conv", (node.input[0],), node.output[0], len(self.convolutions)))
                self.convolutions.append(layer)
            elif node.op_type in ("Relu", "Clip", "Add", "MaxPool"):
                sources = tuple(name for name in node.input if name not in weights)
                self.nodes.append((node.op_type, sources, node.output[0], None))
            elif node.op_type == "Transpose":
                self.entry = node.output[0]
            elif node.op_type == "ReduceMean" and node.input[0] in {target for _, _, target, _ in self.nodes}:
                self.stages.append(node.input[0])
        self.measuring, self.measured = False, []
        # What is read for the last time by each node: kept no longer, or a batch would hold every activation.
        last = {}
        for at, (_, source, _, _) in enumerate(self.nodes):
            for name in source:
                last[name] = at
        self.done = [[name for name, end in last.items() if end == at and name not in self.stages] for at in range(len(self.nodes))]

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        values = {self.entry: ((pixels.flip(1) if self.blue_first else pixels) - self.mean) / self.scale}
        for (kind, source, target, at), done in zip(self.nodes, self.done):
            if kind == "Conv":
                layer, value = self.convolutions[at], values[source[0]]
                value = layer(nn.functional.pad(value, layer.edges) if layer.edges else value)
                if self.measuring:
                    self.measured.append((value.mean((0, 2, 3)), value.var((0, 2, 3), unbiased=False)))
                values[target] = self.norms[at](value) if len(self.norms) else value
            elif kind == "Relu":
                values[target] = torch.relu(values[source[0]])
            elif kind == "Clip":
                values[target] = nn.functional.relu6(values[source[0]])
            elif kind == "Add":
                values[target] = values[source[0]] + values[source[1]]
            else:  # the one maximum pool, padded below and to the right
                values[target] = nn.functional.max_pool2d(nn.functional.pad(values[source[0]], (0, 1, 0, 1)), 3, 2)
            for name in done:
                del values[name]
        pooled = []
        for stage in self.stages:
            value = values[stage].float()
            mean = value.mean((2, 3))
            pooled += [mean, ((value - mean[:, :, None, None]) ** 2).mean((2, 3))]
        return pooled

    def below(self, stage: int) -> set[int]:
        """Convolutions that the given stage (1 to 4) and those before it consist of."""
        end = next(at for at, node in enumerate(self.nodes) if node[2] == self.stages[stage - 1])
        return {at for kind, _, _, at in self.nodes[: end + 1] if kind == "Conv"}

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """As in the bundle: mean and deviation of stages 2 and 3, mean of stage 4 (2,560 numbers of ResNet-50-thin)."""
        pooled = self(pixels)
        return torch.cat([pooled[2], pooled[3].clamp_min(1e-6).sqrt(), pooled[4], pooled[5].clamp_min(1e-6).sqrt(), pooled[6]], 1)

    @torch.no_grad()
    def normalise(self, batches) -> None:
        """Puts a normalisation behind each convolution that leaves the net as it is on these pictures, and so on all in `eval`."""
        self.measuring, sums, count = True, None, 0
        for pixels in batches:
            self.measured = []
            self(pixels)
            found = [(mean, variance + mean**2) for mean, variance in self.measured]
            sums = found if sums is None else [(a + c, b + d) for (a, b), (c, d) in zip(sums, found)]
            count += 1
        self.measuring, self.measured = False, []
        for layer, (mean, square) in zip(self.convolutions, sums):
            mean = mean / count
            variance = (square / count - mean**2).clamp_min(1e-4)
            norm = nn.BatchNorm2d(len(mean), eps=1e-5, momentum=0.02).to(mean.device)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
            self.norms.append(norm)

    @torch.no_grad()
    def folded(self) -> dict[str, np.ndarray]:
        """Weights and biases of the convolutions with the normalisation in them, by their names in the file."""
        weights = {}
        for layer, norm in zip(self.convolutions, self.norms):
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            weights[layer.names[0]] = (layer.weight.double() * scale[:, None, None, None]).float().cpu().numpy()
            weights[layer.names[1]] = ((layer.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()).float().cpu().numpy()
        return weights


def write(source: str, weights: dict[str, np.ndarray], target: str) -> None:
    """The net of the file `source` with other weights."""
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            assert list(weights[tensor.name].shape) == list(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    onnx.checker.check_model(model)
    with open(target, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
