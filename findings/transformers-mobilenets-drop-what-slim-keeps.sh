#!/bin/sh
# transformers 5.24.0, torch 2.13.0: MobileNetV1ForImageClassification and MobileNetV2ForImageClassification drop, in
# training, 99.9 % and 80 % of the numbers in front of their classifier. 0.999 and 0.8 are the probabilities with which
# TF-slim's networks keep them; torch's Dropout takes the probability to drop. Their batch normalisation likewise gives
# TF-slim's 0.9997 and 0.997, the shares that a step keeps, as torch's momentum, the share that it replaces: after one step
# the running mean is the batch's. In inference nothing is off, so only those who fine-tune meet it.
#
# Seen (a new network of width 0.25, its features all ones):
#   MobileNetV1: classifier_dropout_prob 0.999, of 100,000 features 99,897 dropped, the others times 1000
#   MobileNetV1: running mean after a batch of means 1: 0.9997
#   MobileNetV2: classifier_dropout_prob 0.8, of 100,000 features 79,978 dropped, the others times 5
#   MobileNetV2: running mean after a batch of means 1: 0.997
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import torch
import transformers

for name, probability in (("MobileNetV1", 0.999), ("MobileNetV2", 0.8)):
    config = getattr(transformers, f"{name}Config")(depth_multiplier=0.25)
    model = getattr(transformers, f"{name}ForImageClassification")(config).train()
    torch.manual_seed(0)
    kept = model.dropout(torch.ones(100_000))
    dropped = int((kept == 0).sum())
    print(f"{name}: classifier_dropout_prob {config.classifier_dropout_prob}, of 100,000 features {dropped:,} dropped, "
          f"the others times {round(float(kept.max()))}")
    norm = next(each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d))
    norm(torch.ones(4, norm.num_features, 2, 2) + torch.tensor([-1.0, 1, -1, 1]).reshape(4, 1, 1, 1))
    mean = round(float(norm.running_mean[0]), 5)
    print(f"{name}: running mean after a batch of means 1: {mean}")
    assert config.classifier_dropout_prob == probability and abs(dropped / 100_000 - probability) < 0.01
    assert mean > 0.99
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 transformers==5.24.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"
