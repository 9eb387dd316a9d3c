// What face-api's detector of faces gives for a picture, on TensorFlow.js's CPU backend: node face_api.cjs PACKAGE INPUT.f32 SIDE LEAST OUT
// INPUT has the numbers of a SIDE x SIDE picture, 0 to 255. OUT.json lists arrays by name and shape: the boxes and scores of all
// default boxes, and the faces with a score above LEAST as (score, top, left, bottom, right); OUT.f32 has their numbers.
const fs = require('fs');
const path = require('path');

async function main([from, input, side, least, out]) {
  const faceapi = require(path.join(from, 'dist/face-api.node-wasm.js'));
  const {tf} = faceapi;
  await tf.setBackend('cpu');
  const read = name => fs.readFileSync(path.join(from, 'model', name));
  const [{weights, paths}] = JSON.parse(read('ssd_mobilenetv1_model-weights_manifest.json'));
  const net = new faceapi.SsdMobilenetv1();
  net.loadFromWeightMap(tf.io.decodeWeights(new Uint8Array(Buffer.concat(paths.map(read))).buffer, weights));
  const x = tf.tensor4d(new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer), [1, +side, +side, 3]);
  const {boxes, scores} = await net.forward(x);
  const faces = await net.locateFaces(x, new faceapi.SsdMobilenetv1Options({minConfidence: +least, maxResults: 100}));
  const rows = faces.map(({score, box}) => [score, box.top, box.left, box.bottom, box.right]);
  const named = Object.entries({boxes: boxes[0], scores: scores[0], faces: tf.tensor2d(rows, [rows.length, 5])});
  fs.writeFileSync(`${out}.json`, JSON.stringify(named.map(([name, a]) => [name, a.shape])));
  fs.writeFileSync(`${out}.f32`, Buffer.concat(named.map(([, a]) => Buffer.from(Float32Array.from(a.dataSync()).buffer))));
}

main(process.argv.slice(2));
