/** The page of an exercise: an editor that keeps what is typed, and a grader that runs it in a worker of its own. */
import { edit } from "./editor.js";
import { Grader } from "./grader.js";

const section = document.querySelector(".npconv-exercise");
const { exercise, file } = section.dataset;
const find = (selector) => section.querySelector(selector);
const status = find(".npconv-status");
const form = find(".npconv-variant");
const report = find(".npconv-report");
const clock = find(".npconv-clock");
const picker = find("input[type=file]");
const action = Object.fromEntries([...section.querySelectorAll("[data-action]")].map((b) => [b.dataset.action, b]));
const BY_HAND = `“npconv exercise start ${exercise}” writes this file, and “npconv grade ${file}” grades it.`;
const PLAIN = "none"; // as the file's header calls it

/** What is typed, by exercise and variant, for as long as the browser keeps it. */
const kept = {
  name: (variant) => `npconv exercise ${exercise}${variant === undefined ? "" : `, variant ${variant}`}`,
  get(variant) {
    try {
      return localStorage.getItem(this.name(variant));
    } catch {
      return null;
    }
  },
  set(text, variant) {
    try {
      localStorage.setItem(this.name(variant), text);
      return true;
    } catch {
      return false;
    }
  },
  drop: (variant) => localStorage.removeItem(kept.name(variant)),
};

/** The part of a header's line after its name, "none" or "7, changes: 2"; undefined where it is not there once. */
function header(text, name) {
  const found = [...text.matchAll(new RegExp(`^# *npconv ${name}:(.*)$`, "gm"))];
  return found.length === 1 ? found[0][1].trim() : undefined;
}

function say(words, result = "") {
  status.textContent = words;
  if (result) status.dataset.result = result;
  else delete status.dataset.result;
}

class Desk {
  constructor(grader) {
    this.grader = grader;
    this.plain = find(".npconv-desk pre").textContent;
    this.variant = kept.get() ?? PLAIN;
    this.show();
    this.area = this.editor();
    const text = kept.get(this.variant) ?? (this.variant === PLAIN ? this.plain : null);
    if (text === null) this.variant = PLAIN;
    this.put(text ?? this.plain);
    for (const each of [form, find(".npconv-actions"), find(".npconv-keys")]) each.hidden = false;
    action.grade.addEventListener("click", () => (this.busy ? this.grader.stop() : this.grade()));
    action.reset.addEventListener("click", () => this.reset());
    action.download.addEventListener("click", () => this.download());
    action.open.addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => this.open());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.choose();
    });
  }

  editor() {
    const pre = find(".npconv-desk pre");
    this.lines = Object.assign(document.createElement("pre"), { className: "npconv-lines" });
    this.lines.setAttribute("aria-hidden", "true");
    find(".npconv-view").before(this.lines);
    return edit(pre, {
      stays: true,
      label: `Code of ${exercise}. Tab indents, Escape leaves the editor, Control and Enter grades.`,
      onRun: () => this.grade(),
      onLeave: () => action.grade.focus(),
      onInput: (text) => this.typed(text),
    });
  }

  /** Lets a text be edited: another variant's, a file's, or the starting one. */
  put(text) {
    this.putting = true;
    this.area.value = text;
    this.area.dispatchEvent(new Event("input"));
    this.putting = false;
    this.area.setSelectionRange(0, 0);
    this.show();
  }

  typed(text) {
    this.lines.textContent = Array.from({ length: text.split("\n").length }, (_, line) => line + 1).join("\n");
    if (this.putting) return;
    if (!kept.set(text, this.variant)) say("This browser keeps nothing: download the file before you leave this page.");
    this.grader.begin().catch(() => {}); // "Grade" says it, and tries again
  }

  show() {
    const [seed, , changes] = this.variant.split(/(, changes: )/);
    form.elements.seed.value = seed === PLAIN ? "" : seed;
    form.elements.changes.value = changes ?? "";
  }

  /** The starting file of the variant that the form names, or what was typed into it. */
  async choose() {
    const [seed, changes] = ["seed", "changes"].map((name) => form.elements[name].value.trim());
    const variant = seed === "" ? PLAIN : changes === "" ? seed : `${seed}, changes: ${changes}`;
    const text = kept.get(variant) ?? (await this.start(variant));
    if (text === null) return;
    this.take(text, variant);
    say(variant === PLAIN ? "This is the exercise without a variant." : `This is variant ${variant}.`);
  }

  take(text, variant) {
    this.variant = variant;
    kept.set(variant);
    this.put(text);
    report.hidden = true;
  }

  /** The starting file of a variant; null where there is none. */
  async start(variant) {
    if (variant === PLAIN) return this.plain;
    return this.working("", () => this.grader.text(exercise, variant));
  }

  async reset() {
    if (!confirm("Replace what is in the editor by the file as it was at the start?")) return;
    const text = await this.start(this.variant);
    if (text === null) return;
    kept.drop(this.variant);
    this.put(text);
    report.hidden = true;
    say("The file is as it was at the start.");
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.area.value], { type: "text/x-python" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when it has been saved
  }

  async open() {
    const [chosen] = picker.files;
    picker.value = "";
    if (!chosen) return;
    const text = await chosen.text();
    const [named, variant] = [header(text, "exercise"), header(text, "variant")];
    if (named !== exercise || variant === undefined) {
      say(`${chosen.name} is not begun for this exercise: its first lines must name ${exercise} and the variant.`, "wrong");
      return;
    }
    const before = kept.get(variant);
    if (before !== null && before !== text && !confirm(`Replace what is kept of variant ${variant} by ${chosen.name}?`)) return;
    kept.set(text, variant);
    this.take(text, variant);
    say(`${chosen.name} is open.`);
  }

  async grade() {
    if (this.busy) return;
    report.hidden = true;
    status.scrollIntoView({ block: "nearest" }); // the editor may be longer than the window
    const found = await this.working("Grading …", () => this.grader.grade(exercise, this.area.value));
    if (found === null) return;
    const each = found.functions.map((each) => `${each.function} is ${each.status}`).join(", ");
    report.firstElementChild.textContent = found.text;
    report.hidden = false;
    say(`${found.points} of ${found.out_of} points: ${each}.`, found.right ? "right" : "wrong");
    status.scrollIntoView({ block: "center" });
  }

  /** The answer of the grader, with words and a clock while it works; null and words where there is none. */
  async working(words, ask) {
    if (this.busy) return null;
    this.busy = true;
    action.grade.textContent = "Stop";
    const start = performance.now();
    const passed = () => `${Math.floor((performance.now() - start) / 1000)} s`;
    const ticking = setInterval(() => (clock.textContent = passed()), 1000);
    this.grader.onState = (state) => say(state || words);
    try {
      return await ask();
    } catch (error) {
      say(error.message, "wrong");
      return null;
    } finally {
      clearInterval(ticking);
      clock.textContent = "";
      action.grade.textContent = "Grade";
      this.busy = false;
    }
  }
}

const settings = document.getElementById("npconv-settings");
const lacking = settings ? Grader.lacking() : "This site was built without Python for the browser.";
if (lacking) say(`${lacking} ${BY_HAND}`);
else new Desk(new Grader(JSON.parse(settings.textContent)));
