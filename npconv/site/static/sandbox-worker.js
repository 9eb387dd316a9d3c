/** The worker of a submission: Python and NumPy, without npconv. The page ends it, at the limit of time too. */
import { CRASHED, Pipe } from "./pipe.js";

const FOLDER = "/submission";
const SERVE = `
import json
import sys
sys.path.insert(0, FOLDER)
import pipe
import worker
sys.path.remove(FOLDER)
worker.serve(json.loads(SETTINGS), pipe.Pipe(REQUESTS), pipe.Pipe(REPLIES), LIMIT)
`;

let booted;

/** Starts Python from the memory of one that has started, if there is such a snapshot; else the page gets one. */
async function boot({ pyodide, snapshot }) {
  const { loadPyodide } = await import(`${pyodide}pyodide.mjs`);
  const source = snapshot ? { _loadSnapshot: snapshot } : { _makeSnapshot: true };
  const python = await loadPyodide({ indexURL: pyodide, stdout() {}, stderr() {}, ...source });
  if (!snapshot) postMessage(python.makeMemorySnapshot?.());
  await python.loadPackage("numpy", { messageCallback() {} });
  return python;
}

/** From here on the memory may grow by so many bytes. Python says MemoryError where it may not. */
function limit(bytes) {
  const { grow } = WebAssembly.Memory.prototype;
  let left = bytes >> 16; // pages
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (pages > left) throw new RangeError("the limit of memory");
    left -= pages;
    return grow.call(this, pages);
  };
}

async function serve({ requests, replies, asked }) {
  const pipe = new Pipe(replies);
  try {
    const python = await booted;
    const { settings, files } = JSON.parse(asked);
    python.FS.mkdir(FOLDER);
    for (const [name, text] of Object.entries(files)) python.FS.writeFile(`${FOLDER}/${name}`, text);
    const globals = python.toPy({ FOLDER, SETTINGS: JSON.stringify(settings) });
    globals.set("REQUESTS", new Pipe(requests));
    globals.set("REPLIES", { write: (data) => pipe.write(data.toJs()) });
    globals.set("LIMIT", () => limit(settings.memory_bytes));
    python.runPython(SERVE, { globals });
    pipe.close(CRASHED);
  } catch (error) {
    pipe.close(error.status ?? CRASHED); // os._exit has a status
  }
}

onmessage = ({ data }) => {
  if (data.pyodide) booted = boot(data);
  else serve(data);
};
