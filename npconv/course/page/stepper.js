'use strict';

(() => {
  const find = (id) => document.getElementById(id);
  const { panels, steps, texts } = JSON.parse(find('data').textContent);
  const slider = find('slider');
  const grids = panels.map((panel, p) => {
    const section = find(`panel-${p}`);
    const cells = [...section.querySelectorAll('td:not(.corner)')];
    const links = section.classList.contains('links'); // where 0 stands for no link
    return { ...panel, cells, links, marks: cells.map((cell) => (cell.classList.contains('pad') ? 'pad' : '')) };
  });
  const stages = [...document.querySelectorAll('.stages button')];
  let current = 0;

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

  function showProducts(products) {
    const items = [];
    for (let k = 0; k < products.length; k += 3) {
      const [left, right, product] = products.slice(k, k + 3);
      const item = document.createElement('li');
      item.textContent = `${factorText(left)}·${factorText(right)} = ${numberText(product)}`;
      items.push(item);
    }
    find('products').replaceChildren(...items);
    const sum = items.length === 1 ? '1 product' : `${counted(items.length)} products`;
    find('products-summary').textContent = items.length ? sum : 'no products';
  }

  function show(number) {
    const next = Math.min(Math.max(number, 1), steps.length);
    if (next === current) return;
    current = next;
    const step = steps[current - 1];
    showPanels(step, stateAfter(current));
    showCounts(step.sides);
    showProducts(step.products);
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
  window.addEventListener('hashchange', () => {
    if (addressed() === noted) return; // of one's own writing, and told late: by now the step may be another
    noted = addressed();
    show(noted);
  });

  document.documentElement.classList.add('scripted');
  show(addressed());
})();
