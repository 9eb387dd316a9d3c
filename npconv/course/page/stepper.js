'use strict';

(() => {
  const find = (id) => document.getElementById(id);
  const { panels, steps, grouped, words, state: stateOf, largest, fixed } = JSON.parse(find('data').textContent);
  const slider = find('slider');
  const grids = panels.map((panel, p) => {
    const section = find(`panel-${p}`);
    const cells = [...section.querySelectorAll('td:not(.corner)')];
    const links = section.classList.contains('links'); // where 0 stands for no link
    return { ...panel, cells, links, marks: cells.map((cell) => (cell.classList.contains('pad') ? 'pad' : '')) };
  });
  const placeOf = new Map(); // of each cell: the number of its panel, and its own
  grids.forEach(({ cells }, p) => cells.forEach((cell, k) => placeOf.set(cell, [p, k])));
  const drawn = [...document.querySelectorAll('.drawing .box')].map((shape) => ({
    shape,
    panel: Number(shape.dataset.panel),
    row: Number(shape.dataset.row),
    role: shape.classList[1],
  }));
  const lastDrawn = Math.max(...drawn.map(({ panel }) => panel));
  const stages = [...document.querySelectorAll('.stages button')];
  const bar = document.querySelector('.bar');
  const editor = find('editor');
  const input = find('number');
  const edits = new Map(); // the edited numbers, by the text that the address has for their entry
  let current = 0;
  let state = []; // what each panel holds after the current step
  let picked = null; // the cell that was clicked or has the focus, and the one under the pointer
  let hovered = null;
  let ready = window.location.hash !== ''; // a page without a step in its address is shown from its top

  // Numbers as texts: the same as npconv.text.number_text, and fractions of a whole number and a denominator.

  function numberText(number) {
    const size = Math.abs(number);
    let text;
    if (Number.isInteger(number) && size < 1e15) text = String(size);
    else if (size >= 1e6) text = size.toExponential(1).replace(/e\+(\d)$/, 'e+0$1');
    else if (size >= 1e-9 && size < 0.005) text = size.toExponential(0).replace('-', '−');
    else if (Math.abs(size * 8) % 2 === 1) text = (2 * Math.round(size * 50) / 100).toFixed(2); // a tie goes to even
    else text = size.toFixed(2);
    return number < 0 && text !== '0.00' ? `−${text}` : text;
  }

  function fractionText(number, denominator) {
    let [a, b] = [Math.abs(number), denominator];
    while (b) [a, b] = [b, a % b];
    const text = String(Math.abs(number) / a) + (denominator === a ? '' : `/${denominator / a}`);
    return number < 0 ? `−${text}` : text;
  }

  const bracketed = (text) => (text.startsWith('−') ? `(${text})` : text);
  const listed = (texts) => (texts.length < 2 ? texts.join() : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`);
  const counted = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

  // The rules by which steps make entries. A rule adds products to entries of a panel: `into` and each of `factors` are
  // a panel and the places of its entries. One place alone stands for all products; a product into null is dropped.

  const pick = (places, k) => places[places.length === 1 ? 0 : k];
  const sizeOf = ({ into, factors }) => Math.max(...[into, ...factors].map(([, places]) => places.length));

  for (const step of steps) {
    const referred = (item, list) => (typeof item === 'number' ? list[item] : item);
    step.shown = step.terms.map(([into, factors, name]) => ({
      into: referred(into, step.writes),
      factors: factors.map((factor) => referred(factor, step.reads)),
      relu6: name === 'relu6',
    }));
    step.rules = step.groups ? groupedRules(step.groups) : step.shown;
  }

  // The rules of a whole convolution in groups. Only the first filter is on the page: the kernel comes after the panels.
  function groupedRules(groups) {
    const { x, kernel, y, rows, columns, shape } = grouped;
    const [height, width, channels, filters] = shape;
    const share = channels / groups;
    const area = (panel) => panels[panel].rows * panels[panel].columns;
    const rules = [];
    for (let n = 0; n < filters; n += 1) {
      const rule = { into: [y, []], factors: [[x, []], [n ? panels.length : kernel, []]] };
      const first = Math.floor((n * groups) / filters) * share;
      rows.forEach((down, v) => columns.forEach((across, w) => {
        for (let tap = 0; tap < height * width * share; tap += 1) {
          const [i, j, m] = [Math.floor(tap / share / width), Math.floor(tap / share) % width, tap % share];
          rule.into[1].push(n * area(y) + v * panels[y].columns + w);
          rule.factors[0][1].push((first + m) * area(x) + down[i] * panels[x].columns + across[j]);
          const cell = i * width + j;
          rule.factors[1][1].push(n ? (cell * channels + first + m) * filters + n : m * height * width + cell);
        }
      }));
      rules.push(rule);
    }
    return rules;
  }

  // Weights of an interpolation are held as numerators, and all that they multiply too: scale is the denominator.
  const scales = [...panels.map(({ scale }) => scale), 1];
  for (const { into, factors } of steps.flatMap(({ rules }) => rules)) {
    scales[into[0]] = factors.reduce((product, [p]) => product * scales[p], 1);
  }

  function started() {
    const numbers = [...panels.map(({ start }) => start.slice()), grouped ? grouped.numbers : []];
    for (const { place: [p, k], value } of edits.values()) numbers[p][k] = value;
    return numbers;
  }

  // What each panel holds after so many steps.
  function stateAfter(count) {
    const numbers = started();
    for (const { writes, rules } of steps.slice(0, count)) {
      for (const [p, places, values] of writes) values?.forEach((value, k) => { numbers[p][places[k]] = value; });
      for (const { into: [p, places] } of rules) {
        if (!panels[p].adds) for (const place of places) numbers[p][place] = 0;
      }
      for (const rule of rules) {
        const [p, places] = rule.into;
        for (let k = 0; k < sizeOf(rule); k += 1) {
          if (pick(places, k) !== null) numbers[p][pick(places, k)] += productAt(rule, k, numbers);
        }
        if (rule.relu6) for (const place of places) numbers[p][place] = Math.min(Math.max(numbers[p][place], 0), 6);
      }
    }
    return numbers;
  }

  function productAt({ factors }, k, numbers) {
    return factors.reduce((product, [p, places]) => product * numbers[p][pick(places, k)], 1);
  }

  function entryText(p, place) {
    const value = state[p][place];
    if (value === null) return '';
    return panels[p]?.fractions ? fractionText(value, scales[p]) : numberText(value / scales[p]);
  }

  // A product's factors and itself, as texts: weights of rows and columns are one factor, a fraction.
  function productTexts({ factors }, k) {
    const [last, place] = [factors.at(-1)[0], pick(factors.at(-1)[1], k)];
    const scaled = factors.map(([p, places]) => state[p][pick(places, k)] / scales[p]);
    if (!panels[factors[0][0]].fractions) {
      return [...scaled.map(numberText), numberText(scaled.reduce((a, b) => a * b))];
    }
    const weights = factors.slice(0, -1);
    const weight = productAt({ factors: weights }, k, state);
    const scale = weights.reduce((product, [p]) => product * scales[p], 1);
    const product = weight * state[last][place];
    const whole = state[last].every(Number.isInteger);
    const text = whole ? fractionText(product, scale) : numberText(product / scale);
    return [fractionText(weight, scale), entryText(last, place), text];
  }

  // The products of a step: those for one panel after those for another.
  function productsOf({ shown, products }) {
    if (products.length) {
      const texts = [];
      for (let k = 0; k < products.length; k += 3) texts.push(products.slice(k, k + 3).map(numberText));
      return [{ texts }];
    }
    return shown
      .filter(({ factors }) => factors.length > 1)
      .map((rule) => ({
        name: panels[rule.into[0]].name,
        texts: Array.from({ length: sizeOf(rule) }, (_, k) => productTexts(rule, k)),
      }));
  }

  const productText = ([left, right], sign = '·') => `${bracketed(left)}${sign}${bracketed(right)}`;

  // A sentence with the numbers in its gaps: {panel place}, {·panel place} for a factor, {products} and {relu6}.
  function sentenceOf(step) {
    return step.sentence.replace(/\{(·?)(\w+) ?(\d*)\}/g, (_, factor, name, place) => {
      if (name === 'products') {
        const [{ texts }] = productsOf(step);
        const many = texts.length > words.most;
        const terms = texts.slice(0, many ? words.first : texts.length).map((each) => productText(each));
        return (many ? [...terms, `… (${texts.length} products)`] : terms).join(' + ');
      }
      if (name === 'relu6') return relu6Text(step.shown[0]);
      const text = entryText(Number(name), Number(place));
      return factor ? bracketed(text) : text;
    });
  }

  function relu6Text({ into: [p, after], factors: [[q, before]] }) {
    const clipped = [];
    const passing = [];
    before.forEach((place, k) => {
      if (state[q][place] === state[p][after[k]]) passing.push(entryText(q, place));
      else clipped.push(`${entryText(q, place)} to ${entryText(p, after[k])}`);
    });
    const parts = [];
    if (clipped.length) parts.push(`clips ${listed(clipped)}`);
    if (passing.length) parts.push(`lets ${listed(passing)} pass`);
    return `ReLU6 ${parts.join(' and ')}`;
  }

  // The sides of each entry on which its region ends, so that a patch has one frame around it.
  function frame(grid, indices) {
    const region = new Set(indices);
    const { rows, columns } = grid;
    return indices.map((index) => {
      const row = Math.floor(index / columns) % rows;
      const column = index % columns;
      return [
        index,
        (row > 0 && region.has(index - columns) ? '' : ' t') +
          (column < columns - 1 && region.has(index + 1) ? '' : ' r') +
          (row < rows - 1 && region.has(index + columns) ? '' : ' b') +
          (column > 0 && region.has(index - 1) ? '' : ' l'),
      ];
    });
  }

  function showPanels(step) {
    grids.forEach((grid, p) => {
      const marks = grid.marks.slice();
      for (const [name, entries] of [['read', step.reads], ['written', step.writes]]) {
        for (const [where, indices] of entries) {
          if (where !== p) continue;
          for (const [index, sides] of frame(grid, indices)) marks[index] = `${grid.marks[index]} ${name}${sides}`.trim();
        }
      }
      grid.cells.forEach((cell, index) => {
        const text = entryText(p, index);
        if (cell.textContent !== text) cell.textContent = text;
        const classes = grid.links && state[p][index] === 0 ? `${marks[index]} off`.trim() : marks[index];
        if (cell.className !== classes) cell.className = classes;
        cell.toggleAttribute('data-edited', edits.has(keyOf(p, index)));
      });
    });
  }

  // The drawn boxes: those that the step reads or decides on, and those that are dropped, or open still.
  function showDrawing(step) {
    for (const { shape, panel, row, role } of drawn) {
      const { columns } = grids[panel];
      const names = ['box', role];
      const decided = panel === lastDrawn;
      const became = decided ? state[stateOf][row] : 0;
      if (became === null) names.push('open');
      else if (became < 0) names.push('dropped');
      if (decided && step.writes.some(([p, indices]) => p === stateOf && indices.includes(row))) names.push('written');
      else if (step.reads.some(([p, at]) => p === panel && at.some((k) => Math.floor(k / columns) === row))) names.push('read');
      shape.setAttribute('class', names.join(' '));
    }
  }

  function showCounts(sides) {
    const list = find('counts');
    while (list.children.length > sides.length) list.lastElementChild.remove();
    while (list.children.length < sides.length) list.append(list.firstElementChild.cloneNode(true));
    const most = Math.max(...sides.map(([, , total]) => total));
    sides.forEach(([name, done, total], k) => {
      const [side, track] = list.children[k].children;
      side.firstElementChild.textContent = name;
      side.lastElementChild.textContent = `${counted(done)} of ${counted(total)}`;
      track.style.width = `${(100 * total) / most}%`;
      track.firstElementChild.style.width = `${total ? (100 * done) / total : 0}%`;
    });
    const reference = sides.reduce((top, side) => (side[2] < top[2] ? top : side));
    const others = sides.filter((side) => side !== reference);
    const finished = sides.every(([, done, total]) => done === total);
    const ratios = others.map(
      ([name, , total]) =>
        `${name} / ${reference[0]} = ${counted(total)} / ${counted(reference[2])} = ${(total / reference[2]).toFixed(3)}`,
    );
    find('ratio').textContent = finished && reference[2] ? ratios.join('\n') : '';
  }

  function item(text, name = '') {
    const made = document.createElement('li');
    made.textContent = text;
    made.className = name;
    return made;
  }

  function showProducts(step) {
    const parts = productsOf(step);
    const several = parts.length > 1;
    const items = parts.flatMap(({ name, texts }) => [
      ...(several ? [item(`for ${name}`, 'sum')] : []),
      ...texts.map((each) => item(`${productText(each, words.sign)} = ${each[2]}`)),
    ]);
    find('products').replaceChildren(...items);
    const summaries = parts.map(({ name, texts }) => {
      const count = `${counted(texts.length)} ${words.product[texts.length === 1 ? 0 : 1]}`;
      return several ? `${count} for ${name}` : count;
    });
    find('products-summary').textContent = items.length ? summaries.join(' and ') : `no ${words.product[1]}`;
  }

  function show(number) {
    const next = Math.min(Math.max(number, 1), steps.length);
    if (next === current) return;
    current = next;
    draw();
    if (ready) reveal();
  }

  function draw() {
    closeEditor();
    const step = steps[current - 1];
    state = stateAfter(current);
    showPanels(step);
    showDrawing(step);
    showCounts(step.sides);
    showProducts(step);
    showEntry();
    find('position').textContent = `Step ${current} of ${steps.length}${step.stage ? `, ${step.stage}` : ''}:`;
    find('sentence').textContent = sentenceOf(step);
    slider.value = current;
    slider.setAttribute('aria-valuetext', `${current} of ${steps.length}, ${step.name}`);
    for (const [id, end] of [['first', 1], ['previous', 1], ['next', steps.length], ['last', steps.length]]) {
      find(id).setAttribute('aria-disabled', String(current === end));
    }
    const passed = stages.filter((button) => Number(button.dataset.step) <= current).pop();
    for (const button of stages) {
      if (button === passed) button.setAttribute('aria-current', 'step');
      else button.removeAttribute('aria-current');
    }
    find('reset').hidden = edits.size === 0;
    find('reset').textContent = `Reset ${edits.size}`;
    find('reset').setAttribute('aria-label', `Reset ${edits.size} edited ${edits.size === 1 ? 'number' : 'numbers'}`);
  }

  // Scroll so far up that an element does not lie below the terms at the page's foot.
  function raise(element) {
    const below = element.getBoundingClientRect().bottom + 8 - find('entry').getBoundingClientRect().top;
    if (below > 0) window.scrollBy(0, below);
  }

  // Scroll as little as shows a cell between the bar above and the entry's terms below, and inside its own box. Only
  // this page moves: scrollIntoView would also move a page that has this one in a frame.
  function bring(cell) {
    const box = cell.closest('.slice');
    const [inner, outer] = [cell.getBoundingClientRect(), box.getBoundingClientRect()];
    if (inner.left < outer.left) box.scrollLeft -= outer.left - inner.left;
    else if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right;
    raise(cell);
    const above = bar.getBoundingClientRect().bottom + 24 - cell.getBoundingClientRect().top;
    if (above > 0) window.scrollBy(0, -above);
  }

  // What a step reads and, above all, what it writes.
  function reveal() {
    const { reads, writes } = steps[current - 1];
    for (const [p, indices] of [...reads, ...writes]) {
      for (const cell of [grids[p].cells[indices.at(-1)], grids[p].cells[indices[0]]]) if (cell) bring(cell);
    }
  }

  // The step that an entry leads to: the next that writes it, else the next that reads it.
  function stepOf(cell) {
    const [p, place] = placeOf.get(cell);
    const order = [...steps.keys()].map((k) => (current + k) % steps.length);
    const touches = (kind) => order.find((k) => steps[k][kind].some(([q, at]) => q === p && at.includes(place)));
    return (touches('writes') ?? touches('reads') ?? current - 1) + 1;
  }

  // An entry's indices as the array has them, without padding and gaps; those of the unseen kernel are plain.
  function indicesOf(p, place) {
    if (p === panels.length) {
      const sizes = grouped.shape.map((_, k) => grouped.shape.slice(k + 1).reduce((a, b) => a * b, 1));
      return sizes.map((size, k) => Math.floor(place / size) % grouped.shape[k]);
    }
    const { rows, columns, corner, spacing, sizes } = panels[p];
    const indices = [Math.floor(place / columns) % rows, place % columns].map((at, k) => (at - corner[k]) / spacing[k]);
    let slice = Math.floor(place / (rows * columns));
    for (const size of sizes) {
      indices.push(slice % size);
      slice = Math.floor(slice / size);
    }
    return indices;
  }

  function nameOf(p, place) {
    if (grids[p]?.marks[place] === 'pad') return '0';
    const name = p === panels.length ? 'kernel[#, #, #, #]' : panels[p].entry;
    const indices = indicesOf(p, place).slice(-name.split('#').length + 1); // a single axis is drawn as a row
    return name.replace(/#/g, () => indices.shift());
  }

  // The address has an entry as its panel's name and its indices.
  const keyOf = (p, place) => `${panels[p].name}.${indicesOf(p, place).join('.')}`;

  // An entry and what makes it: by names, then by numbers. Of a panel that is added to, all steps so far count.
  function termsOf(p, place) {
    const hits = (number) =>
      steps[number].rules.flatMap((rule) => {
        const [q, places] = rule.into;
        if (q !== p || !places.includes(place)) return [];
        return Array.from({ length: sizeOf(rule) }, (_, k) => [rule, k]).filter(([, k]) => pick(places, k) === place);
      });
    const numbers = [...steps.keys()].filter((number) => hits(number).length);
    const done = numbers.filter((number) => number < current);
    const name = nameOf(p, place);
    const value = entryText(p, place);
    if (name === '0') return 'Padding or a gap: always 0';
    if (!numbers.length) return value && `${name} = ${fixedText(p, place)}${value}`;
    const counting = panels[p].adds ? (done.length ? done : numbers) : [done.at(-1) ?? numbers[0]];
    const terms = counting.flatMap(hits);
    const named = terms.map(([{ factors }, k]) => factors.map(([q, at]) => nameOf(q, pick(at, k))).join('·') || '1');
    const relu6 = terms[0][0].relu6;
    const written = (texts) => (relu6 ? `relu6(${texts})` : texts);
    if (!done.length) return `${name} = ${written(named.join(' + '))}, not yet computed`;
    const valued = terms.map(([rule, k]) => {
      const { factors } = rule;
      if (factors.length > 1) return productText(productTexts(rule, k));
      return factors.length ? bracketed(entryText(factors[0][0], pick(factors[0][1], k))) : '1';
    });
    const texts = [written(named.join(' + ')), written(valued.join(' + ')), value];
    return [name, ...texts.filter((text, k) => text !== texts[k - 1])].join(' = '); // a copy's value is said once
  }

  // The product behind an entry of a page whose numbers are fixed, in the panel that has the products' name.
  function fixedText(p, place) {
    if (panels[p].name !== words.product[1]) return '';
    for (const step of steps) {
      const [, places] = [...step.reads, ...step.writes].find(([q]) => q === p) ?? [0, []];
      const k = places.indexOf(place);
      if (k >= 0) return `${productText(productsOf(step)[0].texts[k], words.sign)} = `;
    }
    return '';
  }

  const editable = (cell) => {
    const [p, place] = placeOf.get(cell);
    return panels[p].edit && grids[p].marks[place] !== 'pad';
  };

  function showEntry() {
    const cell = hovered ?? picked;
    find('edit').hidden = !picked || !editable(picked);
    if (!cell) return;
    find('terms').textContent = termsOf(...placeOf.get(cell)) || '\u00a0';
  }

  function choose(cell) {
    picked?.removeAttribute('aria-describedby');
    picked?.removeAttribute('data-picked');
    [picked, hovered] = [cell, null]; // the last that was pointed at, clicked or reached by keys is shown
    const { cells } = grids[placeOf.get(cell)[0]];
    for (const other of cells) other.tabIndex = -1;
    cell.tabIndex = 0; // one cell of a panel is a stop of the Tab key; arrows lead to the others
    cell.setAttribute('aria-describedby', 'terms');
    cell.setAttribute('data-picked', '');
    showEntry();
  }

  function follow(cell) {
    choose(cell);
    show(stepOf(cell));
    record();
  }

  // Editing: the editor lies over the cell, with the reason below it where a number is refused.

  function openEditor(cell, text) {
    choose(cell);
    bring(cell);
    const [p, place] = placeOf.get(cell);
    if (!editable(cell)) {
      const which = fixed ? `The numbers of this page are fixed, as ${fixed}` : 'This entry is not an input';
      find('terms').textContent = `${which}. ${find('terms').textContent}`;
      return;
    }
    find('name').textContent = nameOf(p, place);
    input.value = text ?? String(state[p][place]);
    editor.hidden = false;
    const [inner, outer] = [cell.getBoundingClientRect(), find('panels').getBoundingClientRect()];
    editor.style.top = `${inner.bottom - outer.top + 4}px`;
    editor.style.left = `${Math.max(0, Math.min(inner.left - outer.left, outer.width - editor.offsetWidth))}px`;
    input.focus({ preventScroll: true });
    if (text === undefined) input.select();
    refuse('');
  }

  function closeEditor() {
    if (editor.hidden) return;
    const back = editor.contains(document.activeElement);
    editor.hidden = true;
    if (back) picked.focus({ preventScroll: true });
  }

  function refuse(reason) {
    find('refused').textContent = reason;
    input.setAttribute('aria-invalid', String(reason !== ''));
    raise(editor);
  }

  function parsed(text) {
    const plain = text.trim().replace('−', '-');
    const value = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
    return Math.abs(value) <= largest ? value + 0 : NaN;
  }

  function edit(p, place, value) {
    const key = keyOf(p, place);
    if (value === panels[p].start[place]) edits.delete(key);
    else edits.set(key, { place: [p, place], value });
  }

  function set() {
    const value = parsed(input.value);
    const [p, place] = placeOf.get(picked);
    if (Number.isNaN(value)) {
      const kind = `a whole number or a decimal such as −2 or 0.5, of at most ${counted(largest)} in size`;
      refuse(`${nameOf(p, place)} must be ${kind}; got ${input.value.trim() || 'nothing'}`);
      return;
    }
    edit(p, place, value);
    draw();
    record();
  }

  // The address: the step's number and the edited numbers, such as #12&x.0.1.2=-0.5. It is written when a key or the
  // slider is let go, so that one movement is one entry of the history.
  const address = () => [current, ...[...edits].map(([key, { value }]) => `${key}=${value}`)].join('&');
  let noted = window.location.hash.slice(1);
  function record() {
    if (noted === address() || (noted === '' && address() === '1')) return;
    noted = address();
    window.location.hash = noted;
  }

  function addressed() {
    const [first, ...rest] = window.location.hash.slice(1).split('&');
    const given = new Map(rest.map((text) => text.split('=')));
    edits.clear();
    for (const [cell, [p, place]] of given.size ? placeOf : []) {
      const value = parsed(given.get(keyOf(p, place)) ?? '');
      if (!editable(cell) || Number.isNaN(value)) continue;
      edit(p, place, value);
      given.delete(keyOf(p, place));
    }
    const refused = listed([...given.keys()]);
    if (refused) find('terms').textContent = `Numbers of the address that this page does not take: ${refused}.`;
    return Number.isInteger(Number(first)) && Number(first) > 0 ? Number(first) : 1;
  }

  const moves = {
    ArrowLeft: () => current - 1,
    ArrowRight: () => current + 1,
    PageUp: () => current - 10,
    PageDown: () => current + 10,
    Home: () => 1,
    End: () => steps.length,
  };

  // A grid that is wider than its box keeps the keys that scroll it.
  function scrolls(element) {
    const box = element instanceof Element ? element.closest('.slice') : null;
    return box !== null && box.scrollWidth > box.clientWidth;
  }

  // The cell that an arrow leads to: on the right of a slice the next slice begins.
  function neighbour(cell, key) {
    const [p, place] = placeOf.get(cell);
    const { rows, columns, cells } = grids[p];
    const row = Math.floor(place / columns) % rows;
    const column = place % columns;
    const slice = rows * columns;
    return cells[{
      ArrowUp: row > 0 ? place - columns : place,
      ArrowDown: row < rows - 1 ? place + columns : place,
      ArrowLeft: column > 0 ? place - 1 : place - slice + columns - 1,
      ArrowRight: column < columns - 1 ? place + 1 : place + slice - columns + 1,
    }[key]];
  }

  // A cell's own keys: arrows, and Enter to follow it; F2 or a number edits the cell that was clicked or has the focus.
  function cellKey(cell, key) {
    if (cell && key.startsWith('Arrow')) {
      const next = neighbour(cell, key) ?? cell;
      next.focus({ preventScroll: true });
      bring(next);
    } else if (cell && key === 'Enter') follow(cell);
    else if (picked && key === 'F2') openEditor(picked);
    else if (picked && /^[-\d.−]$/.test(key)) openEditor(picked, key);
    else return false;
    return true;
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (editor.contains(event.target)) {
      if (event.key === 'Escape') closeEditor();
      else if (event.key === 'Enter' && event.target === input) set();
      else return;
    } else if (!cellKey(placeOf.has(event.target) ? event.target : null, event.key)) {
      if (!Object.hasOwn(moves, event.key) || (scrolls(event.target) && !placeOf.has(event.target))) return;
      show(moves[event.key]());
    }
    event.preventDefault(); // the slider's own answer to the key, and the page's
  });
  document.addEventListener('keyup', (event) => {
    if (Object.hasOwn(moves, event.key) && !editor.contains(event.target)) record();
  });
  slider.addEventListener('input', () => show(Number(slider.value)));
  slider.addEventListener('change', record);
  const clicks = { first: 'Home', previous: 'ArrowLeft', next: 'ArrowRight', last: 'End' };
  for (const [id, key] of Object.entries(clicks)) {
    find(id).addEventListener('click', () => {
      show(moves[key]());
      record();
    });
  }
  for (const button of stages) {
    button.addEventListener('click', () => {
      show(Number(button.dataset.step));
      record();
    });
  }

  const cellAt = (event) => event.target.closest('td:not(.corner)');
  find('panels').addEventListener('mousedown', (event) => {
    if (cellAt(event)) event.preventDefault(); // a click leaves the focus, and so the arrow keys, where they are
  });
  find('panels').addEventListener('click', (event) => {
    if (cellAt(event)) follow(cellAt(event));
  });
  find('panels').addEventListener('focusin', (event) => {
    if (placeOf.has(event.target)) choose(event.target);
  });
  for (const type of ['mouseover', 'mouseleave']) {
    find('panels').addEventListener(type, (event) => {
      hovered = type === 'mouseover' ? cellAt(event) : null;
      showEntry();
    });
  }
  find('edit').addEventListener('click', () => openEditor(picked));
  find('set').addEventListener('click', set);
  find('cancel').addEventListener('click', closeEditor);
  find('reset').addEventListener('click', () => {
    edits.clear();
    draw();
    record();
    find('first').focus({ preventScroll: true }); // the button is gone
  });
  window.addEventListener('hashchange', () => {
    if (window.location.hash.slice(1) === noted) return; // one's own, told late: the step may be another
    noted = window.location.hash.slice(1);
    current = Math.min(addressed(), steps.length);
    draw();
    reveal();
  });

  for (const { cells, marks } of grids) {
    for (const cell of cells) cell.tabIndex = -1;
    (cells[marks.indexOf('')] ?? cells[0]).tabIndex = 0;
  }
  document.documentElement.classList.add('scripted');
  show(addressed());
  ready = true;
})();
