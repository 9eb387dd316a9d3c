#!/bin/sh
# jax 0.10.2: three ways to write ReLU6 are equal forward and differ backward. At 0 and at 6 the derivative of
# jax.nn.relu6 and of lax.clamp is 0; that of jnp.clip and of jnp.minimum(jnp.maximum(x, 0), 6) is .5 at both, since they
# share a tie between its two sides. Batch normalisation that starts with gamma 0 puts every value on the first kink: with
# jnp.clip half of each gradient passes, with relu6 none does, and the first step differs.
#
# Seen (derivatives at 0 and at 6):
#   jax.nn.relu6: [0.0, 0.0]
#   lax.clamp: [0.0, 0.0]
#   jnp.clip: [0.5, 0.5]
#   minimum of maximum: [0.5, 0.5]
#   gradient of a shift after a scale of 0, 8 pixels of ones: relu6 0.0 jnp.clip 4.0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import jax
import jax.numpy as jnp

ways = {
    "jax.nn.relu6": jax.nn.relu6,
    "lax.clamp": lambda x: jax.lax.clamp(0.0, x, 6.0),
    "jnp.clip": lambda x: jnp.clip(x, 0, 6),
    "minimum of maximum": lambda x: jnp.minimum(jnp.maximum(x, 0), 6),
}
values = jnp.array([-1.0, 0, 3, 6, 7])
found = {}
for name, way in ways.items():
    assert way(values).tolist() == [0, 0, 3, 6, 6]
    found[name] = [float(jax.grad(way)(kink)) for kink in (0.0, 6.0)]
    print(f"{name}: {found[name]}")
pixels = jnp.ones(8)
shifts = [float(jax.grad(lambda beta: way(0 * pixels + beta).sum())(0.0)) for way in (jax.nn.relu6, ways["jnp.clip"])]
print("gradient of a shift after a scale of 0, 8 pixels of ones: relu6", shifts[0], "jnp.clip", shifts[1])
assert found["jax.nn.relu6"] == found["lax.clamp"] == [0, 0]
assert found["jnp.clip"] == found["minimum of maximum"] == [0.5, 0.5] and shifts == [0, 4]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 numpy==2.4.6
"$folder/venv/bin/python" -W ignore "$folder/show.py"
