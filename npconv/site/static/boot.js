/** Python for a worker: Pyodide, NumPy and npconv, from the addresses in `settings` and from nowhere else. */

const CELLS = "npconv.site.cells";
const LATER = "npconv.site.later";

/**
 * Starts Python. `say(text)` is told what is being loaded, then and later: matplotlib and what it needs are loaded when
 * code first imports them. `settings` has absolute addresses: `pyodide` of a folder, ending in "/", `wheel` of a file.
 * Rejects with an Error in plain words.
 */
export async function boot(settings, say, options = {}) {
  if (typeof WebAssembly !== "object") throw new Error("This browser has no WebAssembly, which Python needs.");
  say("Loading Python and NumPy, about 19 MB …");
  const python = await loaded(settings, options);
  for (const [name, address] of [["NumPy", settings.pyodide], ["npconv", settings.wheel]]) {
    if (!python.runPython(`import importlib.util; importlib.util.find_spec("${name.toLowerCase()}") is not None`)) {
      throw new Error(`${name} could not be loaded from ${address}.`);
    }
  }
  python.pyimport(LATER).install(JSON.stringify(python.lockfile.packages), (name) => {
    say("Loading matplotlib and what it needs, about 10 MB …");
    const content = fetchNow(settings.pyodide + name);
    say("Running …");
    return content;
  });
  return python;
}

/** Starts Python with the cells of a page: `run(code, example)` gives {value, error, figures}, `forget()` has no names. */
export async function bootCells(settings, say, onOutput) {
  const python = await boot(settings, say);
  const cells = python.pyimport(CELLS).Cells(onOutput);
  return { python, run: (code, example) => JSON.parse(cells.run(code, example)), forget: () => cells.forget() };
}

async function loaded({ pyodide, wheel }, options) {
  try {
    const { loadPyodide } = await import(`${pyodide}pyodide.mjs`);
    const env = { HOME: "/home/pyodide", MPLBACKEND: "Agg" };
    return await loadPyodide({ indexURL: pyodide, packages: ["numpy", wheel], env, ...options });
  } catch (error) {
    throw new Error(`Python could not be loaded from ${pyodide}: ${error.message}`);
  }
}

/** The bytes of a file, without waiting for an event: Python's import of a module ends before it gives control back. */
function fetchNow(address) {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`${address} could not be loaded: status ${request.status}`);
  return new Uint8Array(request.response);
}
