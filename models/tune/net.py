"""Stage 4 of ResNet-50-thin as a PyTorch module that can be trained, and back.

The published net has its batch normalisation folded into its convolutions. Trained without any, its activations grew a hundredfold;
so a normalisation is put behind each convolution again, with mean and deviation as measured, which changes nothing at first, and
folded away when the weights are written back.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn


class Stage4(nn.Module):
    """What leaves stage 3, every second pixel of each axis (N x 512 x H x W), to the mean of stage 4 (N x 1024)."""

    def __init__(self, path: str):
        super().__init__()
        graph = onnx.load(path).graph
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        places = {node.output[0]: at for at, node in enumerate(graph.node)}
        stage3 = next(node.input[0] for node in graph.node if node.output[0] == "stage3/mean")
        self.convolutions, self.norms, self.names, self.measured = nn.ModuleList(), nn.ModuleList(), [], None
        # The way past the first block, and three blocks of three.
        for node in graph.node[places[stage3] + 1:]:
            if node.op_type == "Conv":
                weight, bias = weights[node.input[1]], weights[node.input[2]]
                layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], padding=weight.shape[2] // 2)
                layer.weight.data, layer.bias.data = torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())
                self.convolutions.append(layer)
                self.names.append((node.input[1], node.input[2]))
        assert len(self.convolutions) == 10

    def layer(self, at: int, value: torch.Tensor) -> torch.Tensor:
        value = self.convolutions[at](value)
        if self.measured is not None:
            self.measured[at].append(torch.stack([value.float().mean((0, 2, 3)), value.float().pow(2).mean((0, 2, 3))]))
        return self.norms[at](value) if len(self.norms) else value

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        past = self.layer(0, value)
        for first in (1, 4, 7):
            inner = torch.relu(self.layer(first + 1, torch.relu(self.layer(first, value))))
            value = torch.relu(past + self.layer(first + 2, inner))
            past = value
        return value.float().mean((2, 3))

    @torch.no_grad()
    def normalise(self, batches) -> None:
        """Puts a normalisation behind each convolution that leaves the net as it is on these batches, and so on all in `eval`."""
        self.measured = [[] for _ in self.convolutions]
        for batch in batches:
            self(batch)
        measured, self.measured = self.measured, None
        for found in measured:
            mean, square = torch.stack(found).mean(0)
            variance = (square - mean**2).clamp_min(1e-4)
            norm = nn.BatchNorm2d(len(mean), eps=1e-5, momentum=0.02)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
            self.norms.append(norm)

    @torch.no_grad()
    def folded(self) -> dict[str, np.ndarray]:
        """Weights and biases of the convolutions with the normalisation in them, by their names in the file."""
        weights = {}
        for layer, norm, (weight, bias) in zip(self.convolutions, self.norms, self.names):
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            weights[weight] = (layer.weight.double() * scale[:, None, None, None]).float().numpy()
            weights[bias] = ((layer.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()).float().numpy()
        return weights


def with_weights(path: str, weights: dict[str, np.ndarray]) -> bytes:
    """The net of a file with other weights."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            assert list(weights[tensor.name].shape) == list(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
