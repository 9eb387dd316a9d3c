/** The grader of a page: its own worker, and one for the submission, with a spare, as Python takes seconds to start. */
import { CRASHED, Pipe, STOPPED } from "./pipe.js";

const STOP = "Stopped.";
const worker = (name) => new Worker(new URL(`./${name}-worker.js`, import.meta.url), { type: "module" });

export class Grader {
  #settings;
  #worker = null;
  #ready = null;
  #spare = null;
  #snapshot; // of the first sandbox's memory, from which others start in less than half the time
  #running = new Map(); // workers and pipes by number
  #stopping = false;
  #answer = null;
  #stopped = () => {}; // what refuses a question that waits for the start

  /** Called with words while something starts, and with "" when the submission runs. */
  onState = () => {};

  /** Words on what this browser or this page lacks; "" where it can grade. */
  static lacking() {
    if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
      return "This browser can't run Python: it needs WebAssembly and workers, as Chrome, Edge, Firefox and Safari have.";
    }
    if (!globalThis.crossOriginIsolated) {
      return "Grading needs memory that two workers share. Chrome, Edge, Firefox and Safari give it to a page whose " +
        "server isolates it, over https or on the same computer, as “npconv site --out DIR --serve” does.";
    }
    return "";
  }

  /** `settings` are those of the page, with addresses relative to it or absolute. */
  constructor(settings) {
    const absolute = (address) => new URL(address, document.baseURI).href;
    this.#settings = { pyodide: absolute(settings.pyodide), wheel: absolute(settings.wheel) };
  }

  /** Starts both workers, which takes as long as to write the first lines. */
  begin() {
    this.#spare ??= this.#sandbox();
    this.#ready ??= this.#start().catch((error) => {
      this.#worker.terminate();
      this.#ready = null; // another try may have the network back
      throw error;
    });
    return this.#ready;
  }

  /** The starting file of a variant. */
  async text(exercise, variant) {
    return this.#ask({ kind: "text", exercise, variant });
  }

  /** The report on a submission: that of the command line with --json, and its `text`. */
  async grade(exercise, source) {
    return JSON.parse(await this.#ask({ kind: "grade", exercise, source }));
  }

  /** Ends the submission's worker; what was asked for is refused. */
  stop() {
    this.#stopping = true;
    this.#stopped(new Error(STOP));
    for (const number of this.#running.keys()) this.#end(number, STOPPED);
  }

  async #ask(question) {
    this.#stopping = false;
    this.onState("Python starts: some seconds, and about 19 MB the first time …");
    await Promise.race([this.begin(), new Promise((_, reject) => (this.#stopped = reject))]);
    this.onState("");
    return this.#sent(question);
  }

  #sent(question) {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#worker.postMessage(question);
    });
  }

  #start() {
    this.#worker = worker("grader");
    this.#worker.onmessage = ({ data }) => this[data.kind](data);
    this.#worker.onerror = ({ message = "" }) => {
      this.#answer.reject(new Error(`The grader could not be started. ${message}`.trim()));
    };
    return this.#sent({ kind: "boot", ...this.#settings });
  }

  #sandbox() {
    const started = worker("sandbox");
    started.onmessage = ({ data }) => (this.#snapshot = data);
    started.postMessage({ pyodide: this.#settings.pyodide, snapshot: this.#snapshot });
    return started;
  }

  #end(number, status) {
    const { worker, pipe } = this.#running.get(number);
    this.#running.delete(number);
    worker.terminate();
    pipe.close(status);
  }

  // What the grader's worker asks for, and what it answers.

  start({ number, requests, replies, asked }) {
    const pipe = new Pipe(replies);
    if (this.#stopping) {
      pipe.close(STOPPED);
      return;
    }
    const taken = this.#spare ?? this.#sandbox();
    this.#spare = this.#sandbox();
    this.#running.set(number, { worker: taken, pipe });
    taken.onerror = () => pipe.close(CRASHED);
    taken.postMessage({ requests, replies, asked });
  }

  end({ number }) {
    if (this.#running.has(number)) this.#end(number, CRASHED);
  }

  answer({ answer, error }) {
    const { resolve, reject } = this.#answer;
    if (error === undefined) resolve(answer);
    else if (this.#stopping) reject(new Error(STOP));
    else reject(new Error(error));
  }
}
