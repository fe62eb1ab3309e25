"""What a backbone pools behind a stage, as nodes of an ONNX graph."""

from onnx import NodeProto, TensorProto, ValueInfoProto, helper


def pooled(stage: int, tensor: str, channels: int) -> tuple[list[NodeProto], list[ValueInfoProto]]:
    """Mean and standard deviation (population, not sample) of `tensor` over height and width; the mean of stage 4 is `features`."""
    mean = "features" if stage == 4 else f"stage{stage}_mean"
    deviation = f"stage{stage}_deviation"
    inner = [f"stage{stage}/{name}" for name in ("mean", "centred", "squared", "variance")]
    nodes = [
        helper.make_node("ReduceMean", [tensor], [inner[0]], axes=[2, 3], keepdims=1),
        helper.make_node("Flatten", [inner[0]], [mean], axis=1),
        helper.make_node("Sub", [tensor, inner[0]], [inner[1]]),
        helper.make_node("Mul", [inner[1], inner[1]], [inner[2]]),
        helper.make_node("ReduceMean", [inner[2]], [inner[3]], axes=[2, 3], keepdims=0),
        helper.make_node("Sqrt", [inner[3]], [deviation]),
    ]
    for number, node in enumerate(nodes):
        node.name = f"stage{stage}/pool{number}"
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels]) for name in (mean, deviation)]
    return nodes, values
