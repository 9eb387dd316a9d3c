/** One Python for a page, in a worker of its own, started at the first run. */

const PATIENCE = 2000; // milliseconds for Python to stop: it looks between steps, not within one of NumPy's
const GONE = "Python was ended, so the names of all blocks are gone.";

export class Python {
  #settings;
  #listeners = [];
  #worker = null;
  #ready = null; // a promise of the worker that has started
  #refuse = null; // what rejects it
  #interrupt = null;
  #runs = new Map();
  #number = 0;

  /** `settings` are those of the page, with addresses relative to it or absolute. */
  constructor(settings) {
    const absolute = (address) => new URL(address, document.baseURI).href;
    this.#settings = { pyodide: absolute(settings.pyodide), wheel: absolute(settings.wheel) };
  }

  /** Calls back with ("loading" | "ready" | "running" | "forgotten" | "ended" | "failed", words) at each change. */
  onState(callback) {
    this.#listeners.push(callback);
  }

  /**
   * Runs code after all that was asked for before. Resolves to {value, error, figures}: the last expression's value as
   * text or null, the error as text or null, the figures as [{source, alt}] with data URLs. `example` is the full name
   * of what the code is an example of: it then has the names of that one's module, and none of the page's.
   */
  async run(code, { onOutput = () => {}, example = "" } = {}) {
    try {
      await (this.#ready ??= this.#start());
    } catch (error) {
      return { value: null, error: error.message, figures: [] };
    }
    const id = ++this.#number;
    this.#tell("running", "Running …");
    const result = await new Promise((resolve) => {
      this.#runs.set(id, { resolve, onOutput });
      this.#worker.postMessage({ type: "run", id, code, example });
    });
    if (this.#worker && !this.#runs.size) this.#tell("ready", "");
    return result;
  }

  /** Stops what runs, with its names kept where the page is isolated from others; else Python ends. */
  interrupt() {
    if (!this.#interrupt || !this.#runs.size) {
      this.end();
      return;
    }
    new Uint8Array(this.#interrupt)[0] = 2; // SIGINT
    const [id] = this.#runs.keys();
    setTimeout(() => this.#runs.has(id) && this.end(), PATIENCE);
  }

  /** Forgets the names of all blocks, without a new start. */
  forget() {
    this.#worker?.postMessage({ type: "forget" });
    this.#tell("forgotten", "All names are forgotten.");
  }

  /** Ends Python; the next run starts a new one. */
  end() {
    this.#stop("ended", GONE);
  }

  #start() {
    return new Promise((resolve, reject) => {
      const fail = (text) => this.#stop("failed", text);
      this.#refuse = reject;
      this.#tell("loading", "Starting Python …");
      try {
        this.#worker = new Worker(new URL("./python-worker.js", import.meta.url), { type: "module" });
      } catch (error) {
        fail(`This browser refuses to start Python's worker: ${error.message}`);
        return;
      }
      this.#worker.onerror = (event) => fail(`Python's worker could not be started. ${event.message ?? ""}`.trim());
      this.#worker.onmessage = ({ data }) => {
        if (data.type === "ready") resolve();
        else if (data.type === "state") this.#tell("loading", data.text);
        else if (data.type === "failed") fail(data.text);
        else if (data.type === "output") this.#runs.get(data.id)?.onOutput(data.text, data.stream);
        else {
          const { type, id, ...result } = data;
          const { resolve: finish } = this.#runs.get(id);
          this.#runs.delete(id);
          finish(result);
        }
      };
      this.#interrupt = globalThis.crossOriginIsolated ? new SharedArrayBuffer(1) : null;
      this.#worker.postMessage({ type: "start", settings: this.#settings, interrupt: this.#interrupt });
    });
  }

  #stop(state, text) {
    this.#worker?.terminate();
    this.#worker = this.#ready = this.#interrupt = null;
    this.#refuse?.(new Error(text));
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    this.#tell(state, text);
    for (const { resolve } of runs) resolve({ value: null, error: text, figures: [] });
  }

  #tell(state, text) {
    for (const callback of this.#listeners) callback(state, text);
  }
}
