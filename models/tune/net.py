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

STAGES = ["Relu_9:0", "Relu_21:0", "Relu_39:0", "Relu_48:0"]
MEAN = (104.0, 117.0, 123.0)  # of blue, green, red


class Backbone(nn.Module):
    """Pixels, N x 3 x H x W, red, green, blue from 0 to 255, to mean and deviation of each stage."""

    def __init__(self, path: str):
        super().__init__()
        model = onnx.load(path)
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.nodes, self.convolutions, self.norms = [], nn.ModuleList(), nn.ModuleList()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        for node in model.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Conv":
                weight, bias = weights[node.input[1]], weights[node.input[2]]
                layer = nn.Conv2d(
                    weight.shape[1], weight.shape[0], weight.shape[2:], attributes["strides"],
                    padding=attributes.get("pads", [0, 0])[:2], bias=True,
                )
                layer.weight.data = torch.from_numpy(weight.copy())
                layer.bias.data = torch.from_numpy(bias.copy())
                layer.names = (node.input[1], node.input[2])
                self.nodes.append(("Conv", node.input[0], node.output[0], len(self.convolutions)))
                self.convolutions.append(layer)
            elif node.op_type in ("Relu", "Add", "MaxPool"):
                self.nodes.append((node.op_type, tuple(node.input), node.output[0], None))
            elif node.op_type == "Transpose":
                self.entry = node.output[0]
        self.measuring, self.measured = False, []
        # What is read for the last time by each node: kept no longer, or a batch would hold every activation.
        last = {}
        for at, (_, source, _, _) in enumerate(self.nodes):
            for name in [source] if isinstance(source, str) else source:
                last[name] = at
        self.done = [[name for name, end in last.items() if end == at and name not in STAGES] for at in range(len(self.nodes))]

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        values = {self.entry: pixels.flip(1) - self.mean}
        for (kind, source, target, at), done in zip(self.nodes, self.done):
            if kind == "Conv":
                value = self.convolutions[at](values[source])
                if self.measuring:
                    self.measured.append((value.mean((0, 2, 3)), value.var((0, 2, 3), unbiased=False)))
                values[target] = self.norms[at](value) if len(self.norms) else value
            elif kind == "Relu":
                values[target] = torch.relu(values[source[0]])
            elif kind == "Add":
                values[target] = values[source[0]] + values[source[1]]
            else:  # the one maximum pool, padded below and to the right
                values[target] = nn.functional.max_pool2d(nn.functional.pad(values[source[0]], (0, 1, 0, 1)), 3, 2)
            for name in done:
                del values[name]
        pooled = []
        for stage in STAGES:
            value = values[stage].float()
            mean = value.mean((2, 3))
            pooled += [mean, ((value - mean[:, :, None, None]) ** 2).mean((2, 3))]
        return pooled

    def below(self, stage: int) -> set[int]:
        """Convolutions that the given stage (1 to 4) and those before it consist of."""
        end = next(at for at, node in enumerate(self.nodes) if node[2] == STAGES[stage - 1])
        return {at for kind, _, _, at in self.nodes[: end + 1] if kind == "Conv"}

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """The 2,560 numbers of the bundle: mean and deviation of stages 2 and 3, mean of stage 4."""
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
