'use strict';

(() => {
  const find = (id) => document.getElementById(id);
  const { panels, steps, texts, words, state: stateOf } = JSON.parse(find('data').textContent);
  const slider = find('slider');
  const grids = panels.map((panel, p) => {
    const section = find(`panel-${p}`);
    const cells = [...section.querySelectorAll('td:not(.corner)')];
    const links = section.classList.contains('links'); // where 0 stands for no link
    return { ...panel, cells, links, marks: cells.map((cell) => (cell.classList.contains('pad') ? 'pad' : '')) };
  });
  const drawn = [...document.querySelectorAll('.drawing .box')].map((shape) => ({
    shape,
    panel: Number(shape.dataset.panel),
    row: Number(shape.dataset.row),
    role: shape.classList[1],
  }));
  const lastDrawn = Math.max(...drawn.map(({ panel }) => panel));
  const stages = [...document.querySelectorAll('.stages button')];
  let current = 0;
  let ready = window.location.hash !== ''; // a page without a step in its address is shown from its top

  const written = new Map(texts); // how a number is written that isn't whole
  const numberText = (number) => written.get(number) ?? String(number).replace('-', '−');

  function factorText(number) {
    return number < 0 ? `(${numberText(number)})` : numberText(number);
  }

  const counted = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

  // What each panel holds after so many steps.
  function stateAfter(count) {
    const state = grids.map((grid) => grid.start.slice());
    for (const { writes } of steps.slice(0, count)) {
      for (const [p, indices, values] of writes) indices.forEach((index, k) => { state[p][index] = values[k]; });
    }
    return state;
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

  function showPanels(step, state) {
    grids.forEach((grid, p) => {
      const marks = grid.marks.slice();
      for (const [name, entries] of [['read', step.reads], ['written', step.writes]]) {
        for (const [where, indices] of entries) {
          if (where !== p) continue;
          for (const [index, sides] of frame(grid, indices)) marks[index] = `${grid.marks[index]} ${name}${sides}`.trim();
        }
      }
      grid.cells.forEach((cell, index) => {
        const value = state[p][index];
        const text = value === null ? '' : numberText(value);
        if (cell.textContent !== text) cell.textContent = text;
        const classes = grid.links && value === 0 ? `${marks[index]} off`.trim() : marks[index];
        if (cell.className !== classes) cell.className = classes;
      });
    });
  }

  // The drawn boxes: those that the step reads or decides on, and those that are dropped, or open still.
  function showDrawing(step, state) {
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
    const reference = sides.reduce((largest, side) => (side[2] < largest[2] ? largest : side));
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

  // The products, those for one panel after those for another where they are added to several in turn.
  function showProducts({ products, sums }) {
    const turns = Math.max(sums.length, 1);
    const items = [];
    for (let turn = 0; turn < turns; turn += 1) {
      if (sums.length) items.push(item(`for ${sums[turn]}`, 'sum'));
      for (let k = 3 * turn; k < products.length; k += 3 * turns) {
        const [left, right, product] = products.slice(k, k + 3);
        items.push(item(`${factorText(left)}${words.sign}${factorText(right)} = ${numberText(product)}`));
      }
    }
    find('products').replaceChildren(...items);
    const count = products.length / 3 / turns;
    const each = `${counted(count)} ${words.product[count === 1 ? 0 : 1]}`;
    const all = sums.length ? sums.map((name) => `${each} for ${name}`).join(' and ') : each;
    find('products-summary').textContent = count ? all : `no ${words.product[1]}`;
  }

  function show(number) {
    const next = Math.min(Math.max(number, 1), steps.length);
    if (next === current) return;
    current = next;
    const step = steps[current - 1];
    const state = stateAfter(current);
    showPanels(step, state);
    showDrawing(step, state);
    showCounts(step.sides);
    showProducts(step);
    find('position').textContent = `Step ${current} of ${steps.length}${step.stage ? `, ${step.stage}` : ''}:`;
    find('sentence').textContent = step.sentence;
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
    if (ready) reveal();
  }

  const bar = document.querySelector('.bar');

  // Scroll as little as shows what a step reads and, above all, what it writes, below the bar.
  function reveal() {
    if (getComputedStyle(bar).position !== 'sticky') return; // there the controls would leave the page
    document.documentElement.style.scrollPadding = `${bar.offsetHeight + 24}px 0 8px`;
    const { reads, writes } = steps[current - 1];
    for (const [p, indices] of [...reads, ...writes]) {
      for (const index of [indices.at(-1), indices[0]]) {
        grids[p].cells[index]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      }
    }
  }

  // The step that a click on an entry leads to: the next that writes it, else the next that reads it.
  function stepOf(cell) {
    const p = grids.findIndex(({ cells }) => cells.includes(cell));
    const index = grids[p].cells.indexOf(cell);
    const order = [...steps.keys()].map((k) => (current + k) % steps.length);
    const touches = (kind) => order.find((k) => steps[k][kind].some(([q, at]) => q === p && at.includes(index)));
    return (touches('writes') ?? touches('reads') ?? current - 1) + 1;
  }

  // The address is written when a key or the slider is let go, so that one movement is one entry of the history.
  let noted = addressed();
  function record() {
    noted = current;
    if (addressed() !== current) window.location.hash = String(current);
  }

  function addressed() {
    const number = Number(window.location.hash.slice(1));
    return Number.isInteger(number) && number > 0 ? number : 1;
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

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (!Object.hasOwn(moves, event.key) || scrolls(event.target)) return;
    event.preventDefault(); // the slider's own answer to the key, and the page's
    show(moves[event.key]());
  });
  document.addEventListener('keyup', (event) => {
    if (Object.hasOwn(moves, event.key)) record();
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
  find('panels').addEventListener('click', (event) => {
    const cell = event.target.closest('td:not(.corner)');
    if (cell === null) return;
    show(stepOf(cell));
    record();
  });
  window.addEventListener('hashchange', () => {
    if (addressed() === noted) return; // of one's own writing, and told late: by now the step may be another
    noted = addressed();
    show(noted);
  });

  document.documentElement.classList.add('scripted');
  show(addressed());
  ready = true;
})();
