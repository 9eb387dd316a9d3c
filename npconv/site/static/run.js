/** A "Run" beside every block of Python on a page, all in one Python. */
import { edit } from "./editor.js";
import { Python } from "./python.js";

const BLOCKS = ".highlight-python, .highlight-pycon, .doctest";
const EXAMPLES = "dl.py";
const BLANK = "..."; // what a thing to try leaves to be filled in
const KEYS = "Ctrl+Enter runs it, Escape leaves it.";

class Block {
  constructor(element, number, page) {
    this.page = page;
    this.pre = element.querySelector("pre");
    this.number = number;
    this.original = this.pre.cloneNode(true);
    this.example = element.closest(EXAMPLES)?.querySelector(":scope > dt[id]")?.id ?? "";
    this.button = made("button", "npconv-run", "Run");
    this.editor = made("button", "npconv-edit", "Edit");
    this.reset = made("button", "npconv-reset", "Reset");
    this.restart = made("button", "npconv-restart", "Restart");
    this.status = made("span", "npconv-status");
    this.output = made("div", "npconv-output");
    this.name(this.button, "Run");
    this.name(this.editor, "Edit");
    this.name(this.reset, "Reset");
    this.status.setAttribute("role", "status");
    this.output.setAttribute("role", "region");
    this.output.setAttribute("aria-label", `Output of block ${number}`);
    this.reset.hidden = this.restart.hidden = this.output.hidden = true;
    this.bar = made("div", "npconv-bar");
    this.bar.append(this.button, this.editor, this.reset, this.restart, this.status);
    this.whole = made("div", "npconv-block");
    element.replaceWith(this.whole);
    this.whole.append(element, this.bar, this.output);
    const next = this.whole.nextElementSibling; // what the page says that the block prints
    this.recorded = next?.matches(".highlight-text") ? next : null;
    this.button.addEventListener("click", () => (page.queue.includes(this) ? page.stop(this) : page.run(this)));
    this.editor.addEventListener("click", () => {
      const blank = this.code.indexOf(BLANK);
      this.edit(blank < 0 ? this.code.length : blank);
    });
    this.reset.addEventListener("click", () => this.undo());
    this.restart.addEventListener("click", () => page.forget(this));
    this.pre.addEventListener("click", (event) => this.clicked(event));
  }

  get code() {
    return this.pre.textContent;
  }

  name(button, word) {
    button.textContent = word;
    button.setAttribute("aria-label", `${word} block ${this.number}`);
  }

  clicked({ clientX, clientY }) {
    if (!getSelection().isCollapsed) return;
    const place = document.caretPositionFromPoint?.(clientX, clientY);
    const before = document.createRange();
    before.selectNodeContents(this.pre);
    if (place && this.pre.contains(place.offsetNode)) before.setEnd(place.offsetNode, place.offset);
    this.edit(before.toString().length);
  }

  edit(at) {
    if (!this.page.queue.includes(this)) this.status.textContent = KEYS;
    edit(this.pre, {
      at,
      label: `Code of block ${this.number}. ${KEYS}`,
      onRun: () => this.page.run(this),
      onLeave: () => this.button.focus(),
      onInput: () => {
        this.reset.hidden = false;
        this.page.ran.delete(this);
      },
    });
  }

  undo() {
    this.pre.replaceChildren(...this.original.cloneNode(true).childNodes);
    this.page.ran.delete(this);
    this.reset.hidden = this.output.hidden = true;
    this.recorded?.classList.remove("npconv-replaced");
    this.button.focus();
  }

  /** Runs this block alone; true if it has no error. */
  async run() {
    const output = new Output(this.output);
    const result = await this.page.python.run(this.code, {
      example: this.example,
      onOutput: (text, stream) => output.write(text, stream),
    });
    output.end(result);
    this.recorded?.classList.toggle("npconv-replaced", !this.output.hidden);
    this.restart.hidden = false;
    if (result.error === null && !this.example) this.page.ran.add(this);
    return result.error === null;
  }

  /** Shows whether it runs or waits to, with words on it. */
  show(busy, words) {
    this.name(this.button, busy ? "Stop" : "Run");
    this.status.textContent = words;
  }

  /** Scrolls to the end of its output, or to the words on it, for a reader who is still in a block that is long. */
  reveal() {
    if (!this.whole.contains(document.activeElement)) return;
    (this.output.hidden ? this.bar : this.output).scrollIntoView({ block: "nearest" });
  }
}

/** The output of one run: what is written is shown once a frame, as there may be much of it. */
class Output {
  constructor(element) {
    this.element = element;
    this.waiting = [];
    element.replaceChildren();
    element.hidden = true;
  }

  write(text, stream) {
    if (!this.waiting.length) requestAnimationFrame(() => this.show());
    this.waiting.push([text, stream]);
  }

  show() {
    for (const [text, stream] of this.waiting.splice(0)) {
      if (this.last?.stream !== stream) this.last = { stream, element: this.add(made("pre", `npconv-${stream}`)) };
      this.last.element.append(text);
    }
  }

  end({ value, error, figures }) {
    this.show();
    if (value !== null) this.add(made("pre", "npconv-value", value));
    if (error !== null) this.add(made("pre", "npconv-error", error));
    for (const { source, alt } of figures) this.add(Object.assign(made("img", "npconv-figure"), { src: source, alt }));
  }

  add(element) {
    this.element.hidden = false;
    this.element.append(element);
    return element;
  }
}

class Page {
  constructor(settings) {
    this.python = new Python(settings);
    this.ran = new Set(); // the blocks whose names Python has
    this.queue = []; // the block that runs, and those that wait
    this.above = ""; // words on the blocks above that run first
    this.stopped = false;
    this.blocks = [...document.querySelectorAll(BLOCKS)].map((element, index) => new Block(element, index + 1, this));
    this.python.onState((state, words) => {
      if (["forgotten", "ended", "failed"].includes(state)) this.ran.clear();
      this.queue[0]?.show(true, state === "running" && this.above ? this.above : words);
    });
  }

  async run(block) {
    if (this.queue.includes(block)) return;
    this.queue.push(block);
    block.show(true, "Waiting …");
    while (this.queue[0] === block) {
      block.show(false, await this.runWithAbove(block));
      block.reveal();
      this.queue.shift();
      if (this.queue.length) block = this.queue[0];
    }
  }

  /** Runs a block after those above it that have not run, as it may need their names; words on how it went. */
  async runWithAbove(block) {
    const place = block.example ? 0 : this.blocks.indexOf(block);
    const above = this.blocks.slice(0, place).filter((each) => !each.example && !this.ran.has(each));
    const start = performance.now();
    this.stopped = false;
    for (const [index, each] of above.entries()) {
      this.above = `Running the blocks above first, ${index + 1} of ${above.length} …`;
      if (!(await each.run())) return `Not run: block ${each.number} above ${this.stopped ? "was stopped" : "ended with an error"}.`;
    }
    this.above = "";
    if (!(await block.run())) return this.stopped ? "It was stopped." : "It ended with an error.";
    return `Done in ${((performance.now() - start) / 1000).toFixed(1)} s.`;
  }

  forget(block) {
    if (this.queue.length) return; // a block runs, and needs them
    this.python.forget();
    block.show(false, "Python has started anew: the names of all blocks are gone.");
  }

  stop(block) {
    const waiting = this.queue.splice(block === this.queue[0] ? 1 : this.queue.indexOf(block));
    for (const each of waiting) each.show(false, "");
    if (block !== this.queue[0]) return;
    this.stopped = true;
    this.python.interrupt();
  }
}

function made(tag, name, text = "") {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button";
  element.className = name;
  element.textContent = text;
  return element;
}

export const page = new Page(JSON.parse(document.getElementById("npconv-settings").textContent));
