"""The claims of the papers of MobileNetV1, V2 and V3, above all their tables: reproduced, or not, and why."""
