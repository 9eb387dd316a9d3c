// TensorFlow.js's maps of a picture, on its CPU backend: node tensorflow_js.cjs MODEL.json INPUT.f32 SIDE AMONG SIXTHS OUT
// MODEL is a layers or graph model, INPUT the numbers of a SIDE x SIDE picture; of a graph's convolutions those count whose
// weights have AMONG in their names. With SIXTHS "whole", a constant 1/6 that was stored in 16 bits is 1/6 again. OUT.json lists the maps in the order of forward: the number of the convolution before
// each (none for an input or output), its stage and its shape. OUT.f32 has their numbers.
const fs = require('fs');
const path = require('path');
const tf = require('@tensorflow/tfjs');

const OF_LAYERS = {
  Conv2D: 'convolution', DepthwiseConv2D: 'convolution', BatchNormalization: 'normalisation', ReLU: 'activation',
};
const CONVOLUTIONS = ['Conv2D', '_FusedConv2D', 'DepthwiseConv2dNative', 'FusedDepthwiseConv2dNative'];
const AFTER = ['BiasAdd', 'Add', 'AddV2', 'Mul', 'Relu', 'Relu6', 'Minimum', 'Maximum'];

function loaded(file) { // the JSON, and what it says of the shards beside it
  const json = JSON.parse(fs.readFileSync(file));
  const shards = json.weightsManifest.flatMap(group => group.paths);
  const data = Buffer.concat(shards.map(name => fs.readFileSync(path.join(path.dirname(file), name))));
  const weightSpecs = json.weightsManifest.flatMap(group => group.weights);
  return {...json, weightSpecs, weightData: new Uint8Array(data).buffer};
}

async function ofLayers(artifacts, x) { // [convolution, stage, map] for each layer, and for the output
  const model = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  const layers = model.layers.filter(layer => layer.getClassName() in OF_LAYERS);
  const outputs = [...layers.map(layer => layer.output), ...model.outputs];
  const maps = tf.model({inputs: model.inputs, outputs}).predict(x);
  let convolution = -1;
  return maps.map((map, i) => {
    const stage = layers[i] ? OF_LAYERS[layers[i].getClassName()] : 'output';
    convolution += stage === 'convolution';
    return [layers[i] ? convolution : null, stage, map];
  });
}

async function ofGraph(artifacts, x, among, sixths) { // of each convolution the last map before another use of it
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
  if (sixths === 'whole') restoreSixths(model.executor);
  const nodes = artifacts.modelTopology.node;
  const constants = new Set(nodes.filter(node => node.op === 'Const').map(node => node.name));
  const after = name => { // the one node that a map goes into, if it is a constant's sum, product or limit
    const users = nodes.filter(node => (node.input || []).includes(name));
    const follows = users.length === 1 && AFTER.includes(users[0].op);
    return follows && users[0].input.every(other => other === name || constants.has(other)) ? users[0] : undefined;
  };
  const chosen = nodes.filter(node => CONVOLUTIONS.includes(node.op) && node.input[1].includes(among));
  const wanted = chosen.map((node, convolution) => {
    const fused = node.attr.fused_ops?.list.s.map(s => Buffer.from(s, 'base64').toString()) || [];
    const chain = [node];
    for (let next = after(node.name); next; next = after(next.name)) chain.push(next);
    const rectified = [...fused, ...chain.map(each => each.op)].some(op => op.startsWith('Relu'));
    return [convolution, rectified ? 'activation' : 'normalisation', chain.at(-1).name];
  });
  wanted.unshift([null, 'input', chosen[0].input[0]]);
  if (!among) wanted.push(...model.outputs.map(output => [null, output.name, output.name]));
  const type = nodes.find(node => node.op === 'Placeholder').attr.dtype.type;
  const maps = await model.executeAsync(type === 'DT_FLOAT' ? x : x.toInt(), wanted.map(([, , name]) => name));
  return maps.map((map, i) => [wanted[i][0], wanted[i][1], map]);
}

function restoreSixths(executor) { // 1/6 in place of what is left of it in 16 bits
  const weights = executor.weightMap;
  for (const [name, [a]] of Object.entries(weights)) {
    if (a.size === 1 && Math.abs(a.dataSync()[0] - 1 / 6) < 1e-4) weights[name] = [tf.keep(tf.scalar(1 / 6))];
  }
  executor.weightMap = weights;
}

async function main([file, input, side, among, sixths, out]) {
  await tf.setBackend('cpu');
  const artifacts = loaded(file);
  const numbers = new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer);
  const x = tf.tensor4d(numbers, [1, +side, +side, 3]);
  const maps = await (artifacts.format === 'graph-model' ? ofGraph : ofLayers)(artifacts, x, among, sixths);
  fs.writeFileSync(`${out}.json`, JSON.stringify(maps.map(([convolution, stage, map]) => [convolution, stage, map.shape])));
  fs.writeFileSync(`${out}.f32`, Buffer.concat(maps.map(([, , map]) => Buffer.from(Float32Array.from(map.dataSync()).buffer))));
}

main(process.argv.slice(2));
