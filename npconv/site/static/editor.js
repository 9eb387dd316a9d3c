/** An editor of Python in place of a block of code: the block stays, coloured, and a clear textarea lies on it. */

const INDENT = "    ";
const KEYWORDS = "and as assert async await break class continue def del elif else except finally for from global if " +
  "import in is lambda nonlocal not or pass raise return try while with yield";
const TOKENS = new RegExp([ // named by the classes of Pygments, whose colours the page has
  /(?<c1>#.*)/,
  /(?<s2>(?:\b[bfru]{1,2})?(?:"""[^]*?(?:"""|$(?!\n))|'''[^]*?(?:'''|$(?!\n))|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
  /(?<gp>^(?:>>>|\.\.\.)(?= |$))/,
  /(?<mi>\b\d[\w.]*)/,
  /(?<kc>\b(?:True|False|None)\b)/,
  new RegExp(`(?<k>\\b(?:${KEYWORDS.replaceAll(" ", "|")})\\b)`),
].map((each) => each.source).join("|"), "gm");

/** Shows code in an element, coloured. */
export function colour(element, code) {
  const parts = [];
  let start = 0;
  for (const token of code.matchAll(TOKENS)) {
    const [name] = Object.entries(token.groups).find(([, text]) => text !== undefined);
    const span = document.createElement("span");
    span.className = name;
    span.textContent = token[0];
    parts.push(code.slice(start, token.index), span);
    start = token.index + token[0].length;
  }
  element.replaceChildren(...parts, code.slice(start));
}

/**
 * Lets a <pre> be edited until the textarea that is returned loses the focus; with `stays` it lies there for good.
 * Tab indents, Shift+Tab takes it back, Enter keeps the indentation, Escape calls `onLeave`, Ctrl+Enter and Shift+Enter
 * call `onRun`. `onInput` is called with the code at each change, `at` is where the caret begins.
 */
export function edit(pre, { label, onRun, onLeave, onInput = () => {}, at = 0, stays = false }) {
  const area = document.createElement("textarea");
  area.className = "npconv-editor";
  area.setAttribute("aria-label", label);
  Object.assign(area, { value: pre.textContent, spellcheck: false, autocapitalize: "off", autocomplete: "off", wrap: "off" });
  const { font, padding, letterSpacing } = getComputedStyle(pre);
  Object.assign(area.style, { font, padding, letterSpacing }); // so that each letter lies on its own
  pre.classList.add("npconv-edited");
  pre.parentElement.classList.add("npconv-editing");
  pre.after(area);

  const lineStart = () => area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const insert = (text) => document.execCommand("insertText", false, text); // which can be undone
  area.addEventListener("input", () => {
    colour(pre, `${area.value}\n`);
    onInput(area.value);
  });
  area.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Escape") onLeave();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) onRun();
    else if (event.key === "Tab" && plain) shift(event.shiftKey);
    else if (event.key === "Enter" && plain) {
      const line = area.value.slice(lineStart(), area.selectionStart);
      insert(`\n${line.match(/^ */)[0]}${line.trimEnd().endsWith(":") ? INDENT : ""}`);
    } else return;
    event.preventDefault();
  });
  if (!stays) {
    area.addEventListener("blur", () => {
      pre.classList.remove("npconv-edited");
      pre.parentElement.classList.remove("npconv-editing");
      area.remove();
    });
  }

  /** Indents the lines of the selection, or takes an indentation back. */
  function shift(back) {
    const [from, to] = [area.selectionStart, area.selectionEnd];
    if (from === to && !back) {
      insert(INDENT.slice((from - lineStart()) % INDENT.length));
      return;
    }
    const start = lineStart();
    const old = area.value.slice(start, to);
    const text = back ? old.replace(/^ {1,4}/gm, "") : old.replace(/^(?=.)/gm, INDENT);
    if (text === old) return;
    area.setSelectionRange(start, to);
    if (text) insert(text);
    else document.execCommand("delete");
    const first = back ? Math.max(start, from - (old.match(/^ {0,4}/)[0].length)) : from + INDENT.length;
    if (from === to) area.setSelectionRange(first, first);
    else area.setSelectionRange(start, start + text.length);
  }

  area.setSelectionRange(at, at);
  if (!stays) area.focus({ preventScroll: true });
  return area;
}
