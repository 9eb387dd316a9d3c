// nsfwjs's models, which it ships as JavaScript, as TensorFlow.js's files: node unbundle.cjs FOLDER OUT
const fs = require('fs');
const path = require('path');

const [from, to] = process.argv.slice(2).map(folder => path.resolve(folder));
const bundled = name => {
  const module = require(path.join(from, `${name}.min.js`));
  return module.default || module;
};
const model = bundled('model');
fs.mkdirSync(to, {recursive: true});
fs.writeFileSync(path.join(to, 'model.json'), JSON.stringify(model));
for (const shard of model.weightsManifest.flatMap(group => group.paths)) {
  fs.writeFileSync(path.join(to, shard), Buffer.from(bundled(shard), 'base64'));
}
