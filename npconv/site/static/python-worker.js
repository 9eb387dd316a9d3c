/**
 * The worker of a page's Python. It is told {type: "start", settings, interrupt} once, with a SharedArrayBuffer or null,
 * then {type: "run", id, code, example} and {type: "forget"}. It says {type: "state", text}, {type: "ready"}, {type: "failed", text},
 * {type: "output", id, stream, text} and {type: "done", id, value, error, figures}.
 */
import { bootCells } from "./boot.js";

let cells;
let interrupt;
let current;

onmessage = async ({ data }) => {
  if (data.type === "start") {
    try {
      cells = await bootCells(
        data.settings,
        (text) => postMessage({ type: "state", text }),
        (stream, text) => postMessage({ type: "output", id: current, stream, text }),
      );
      if (data.interrupt) {
        interrupt = new Uint8Array(data.interrupt);
        cells.python.setInterruptBuffer(interrupt);
      }
      postMessage({ type: "ready" });
    } catch (error) {
      postMessage({ type: "failed", text: error.message });
    }
    return;
  }
  if (data.type === "forget") {
    cells.forget();
    return;
  }
  current = data.id;
  if (interrupt) interrupt[0] = 0; // of a run that ended before it could be stopped
  try {
    postMessage({ type: "done", id: data.id, ...cells.run(data.code, data.example) });
  } catch (error) { // of Python itself, which has no more memory or stack
    postMessage({ type: "failed", text: `Python has ended: ${error.message.trim().split("\n").pop()}` });
  }
};
