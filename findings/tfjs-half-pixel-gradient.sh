#!/bin/sh
# TensorFlow.js 4.22.0, cpu backend: the gradient of tf.image.resizeBilinear and of resizeNearestNeighbor with
# halfPixelCenters=true is that of halfPixelCenters=false. The result is right; the gradient goes to other pixels. Where
# 4 columns become 2, each column has the weight 1/2 in the result, and the gradient gives two columns all and two
# nothing. With halfPixelCenters=false and with alignCorners=true it is exact. A decoder that resizes as TensorFlow 2, torch
# and Keras do needs halfPixelCenters=true, and trains on a shifted gradient. And resizeBilinear has a gradient
# for square images only: the one of a 2x3 image has the shape of a 3x2 image, which raises.
#
# Seen (gradient of the sum of the resized image, by column; in brackets the true one, from resized unit images):
#   resizeBilinear 4 to 2, plain: 2 0 2 0 (2 0 2 0)
#   resizeBilinear 4 to 2, alignCorners: 2 0 0 2 (2 0 0 2)
#   resizeBilinear 4 to 2, halfPixelCenters: 2 0 2 0 (1 1 1 1)
#   resizeBilinear 3 to 5, halfPixelCenters: 7 8 10 (8 9 8)
#   resizeNearestNeighbor 4 to 2, plain: 2 0 2 0 (2 0 2 0)
#   resizeNearestNeighbor 4 to 2, alignCorners: 2 0 0 2 (2 0 0 2)
#   resizeNearestNeighbor 4 to 2, halfPixelCenters: 2 0 2 0 (0 2 0 2)
#   resizeNearestNeighbor 3 to 5, halfPixelCenters: 10 10 5 (10 5 10)
#   resizeBilinear, 2x3 to 4x6: The gradient of input 'images' has shape '1,3,2,1', which does not match the shape of the input '1,2,3,1'
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.js" <<'JS'
const tf = require('@tensorflow/tfjs');
const assert = require('assert');

const modes = {plain: [false, false], alignCorners: [true, false], halfPixelCenters: [false, true]};

function columns(name, from, to, mode) {
  const total = x => tf.image[name](x, [to, to], ...modes[mode]).sum();
  const rounded = numbers => Array.from(numbers, each => +each.toFixed(3)).join(' ');
  const truth = [];
  for (let column = 0; column < from; column++) {
    const unit = tf.oneHot(tf.tensor1d([column], 'int32'), from).cast('float32').reshape([1, 1, from, 1]);
    truth.push(total(unit.tile([1, from, 1, 1])).dataSync()[0]);
  }
  const gradient = tf.grad(total)(tf.zeros([1, from, from, 1])).sum(1).dataSync();
  console.log(`${name} ${from} to ${to}, ${mode}: ${rounded(gradient)} (${rounded(truth)})`);
  return [rounded(gradient), rounded(truth)];
}

tf.setBackend('cpu').then(() => {
  for (const name of ['resizeBilinear', 'resizeNearestNeighbor']) {
    for (const mode of ['plain', 'alignCorners']) {
      const [gradient, truth] = columns(name, 4, 2, mode);
      assert.equal(gradient, truth);
    }
    for (const [from, to] of [[4, 2], [3, 5]]) {
      const [gradient, truth] = columns(name, from, to, 'halfPixelCenters');
      assert.notEqual(gradient, truth, 'the gradient is right now');
    }
  }
  const wide = x => tf.image.resizeBilinear(x, [4, 6]).sum();
  assert.throws(() => tf.grad(wide)(tf.zeros([1, 2, 3, 1])), error => {
    console.log('resizeBilinear, 2x3 to 4x6:', error.message.split('ResizeBilinear. ')[1]);
    return error.message.includes('does not match the shape');
  });
});
JS
cd "$folder"
npm init -y > /dev/null
npm install --silent @tensorflow/tfjs@4.22.0 > /dev/null
node show.js
