#!/usr/bin/env python3
"""Makes a bundle with an int8 backbone of one with float32, to measure what that costs and gains.

usage: quantize-backbone.py BUNDLE OUTPUT PICTURE...      (packages of requirements.txt; a few hundred pictures of every kind)

ONNX Runtime's static quantisation: 8-bit weights for each channel and 8-bit activations, their ranges the extremes over PICTUREs, smoothed.
The head stays as it is. OUTPUT has no card and is not for use: see the model card for what was measured.
"""

import hashlib
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image


class Pictures(CalibrationDataReader):
    def __init__(self, paths: list[str], view: dict) -> None:
        self.paths, self.view = iter(paths), view

    def get_next(self) -> dict | None:
        path = next(self.paths, None)
        if path is None:
            return None
        picture = Image.open(path).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        resized = white.convert("RGB").resize((self.view["width"], self.view["height"]), Image.BILINEAR)
        return {"pixels": (np.asarray(resized, dtype=np.float32)[:, :, ::-1] - np.array(self.view["mean"], dtype=np.float32))[None]}


def main() -> None:
    bundle, output, pictures = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    manifest = (bundle / "model.toml").read_text()
    view = tomllib.loads(manifest)["view"][0]
    output.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Scales for each channel need operator set 13; the published net has an older one.
        onnx.save(onnx.version_converter.convert_version(onnx.load(bundle / "backbone.onnx"), 13), prepared)
        quant_pre_process(str(prepared), str(prepared), skip_symbolic_shape=True)
        # The convolutions alone: pooling and square roots of the statistics need their precision.
        quantize_static(
            str(prepared), str(output / "backbone.onnx"), Pictures(pictures, view), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=False,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv"],
            calibrate_method=CalibrationMethod.MinMax, extra_options={"CalibMovingAverage": True},
        )
    for name in ("head.onnx", "tuned-on.txt"):
        shutil.copy(bundle / name, output)
    digest = hashlib.sha256((output / "backbone.onnx").read_bytes()).hexdigest()
    (output / "model.toml").write_text(re.sub(r'(file = "backbone.onnx"\nsha256 = )"\w+"', rf'\1"{digest}"', manifest))


if __name__ == "__main__":
    main()
