/** The grader's worker: Python with npconv. It grades what the page sends, and never runs it. */
import { boot } from "./boot.js";
import { Pipe, newMemory } from "./pipe.js";

let grader;
let sandboxes = 0;

/** A worker for a submission. The page starts and ends it, as this one sleeps while it waits for a reply. */
function start(asked) {
  const number = (sandboxes += 1);
  const [requests, replies] = [newMemory(), newMemory()];
  const pipe = new Pipe(requests);
  postMessage({ kind: "start", number, requests, replies, asked });
  return {
    requests: { write: (data, milliseconds) => pipe.write(data.toJs(), milliseconds) },
    replies: new Pipe(replies),
    end: () => postMessage({ kind: "end", number }),
  };
}

const answers = {
  async boot(settings) {
    const python = await boot(settings, () => {});
    python.registerJsModule("npconv_page", { start });
    grader = python.pyimport("npconv.course.grading.in_browser");
  },
  text: ({ exercise, variant }) => grader.start_text(exercise, variant),
  grade: ({ exercise, source }) => grader.grade_text(exercise, source),
};

onmessage = async ({ data }) => {
  try {
    postMessage({ kind: "answer", answer: await answers[data.kind](data) });
  } catch (error) {
    const words = error.message.trim().split("\n").at(-1); // of Python's traceback
    postMessage({ kind: "answer", error: words.replace(/^\w+Error: /, "") });
  }
};
