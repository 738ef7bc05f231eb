'use strict';
// Do two different things look alike? Seed and candidate side by side, each as large as fits; both are enlarged
// and moved together, by wheel, drag or keys. Or as a sheet: the seed stays, and all candidates of it that are open
// lie beside it, each with a mark of its own.
const LARGEST = 12, STEP = 1.5;
const view = { zoom: 1, x: 0, y: 0 };

const lenses = () => [...stage.querySelectorAll('.lens')];

// `x` and `y` are shares of the lens by which the picture's middle is off its own.
function look() {
  const most = (view.zoom - 1) / 2;
  view.x = Math.min(most, Math.max(-most, view.x));
  view.y = Math.min(most, Math.max(-most, view.y));
  for (const lens of lenses()) {
    const image = lens.firstElementChild;
    image.style.transform = `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.zoom})`;
    // Enlarged far enough, samples are seen as they are.
    const shown = image.naturalWidth && image.getBoundingClientRect().width / image.naturalWidth * devicePixelRatio;
    image.classList.toggle('smooth', !(shown > 3));
  }
  by('reduced').textContent = view.zoom > 1 ? `enlarged ${view.zoom.toFixed(1)} times` : '';
}

// Enlarges about a point of the lens, given in shares from its middle.
function zoom(factor, x = 0, y = 0) {
  const next = Math.min(LARGEST, Math.max(1, view.zoom * factor));
  const share = next / view.zoom;
  view.x = x - (x - view.x) * share;
  view.y = y - (y - view.y) * share;
  view.zoom = next;
  look();
}

function reset() {
  Object.assign(view, { zoom: 1, x: 0, y: 0 });
  look();
}

function lens(image) {
  const box = make('div', { className: 'lens' }, image);
  image.draggable = false;
  box.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { left, top, width, height } = box.getBoundingClientRect();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, (event.clientX - left) / width - .5, (event.clientY - top) / height - .5);
  }, { passive: false });
  box.addEventListener('pointerdown', (event) => {
    if (view.zoom === 1) return;
    box.setPointerCapture(event.pointerId);
    let [fromX, fromY] = [event.clientX, event.clientY];
    box.onpointermove = (moved) => {
      view.x += (moved.clientX - fromX) / box.clientWidth;
      view.y += (moved.clientY - fromY) / box.clientHeight;
      [fromX, fromY] = [moved.clientX, moved.clientY];
      look();
    };
    box.onpointerup = box.onpointercancel = () => { box.onpointermove = null; };
  });
  box.addEventListener('dblclick', reset);
  return box;
}

const grades = () => (state.highest === 1 && state.lowest === 0
  ? [['0', 'No', ['n', '0'], true], ['1', 'Yes', ['y', '1'], true]]
  : Array.from({ length: state.highest - state.lowest + 1 }, (_, step) => [`${state.lowest + step}`, `${state.lowest + step}`, [`${state.lowest + step}`]]));

const OTHERS = [['unsure', 'Unsure', ['u']], ['bad', 'Bad picture', ['b']], ['skip', 'Skip', ['s']]];

// What raters said, for whoever decides: how many, not who.
function said() {
  const counts = state.current.said;
  if (!counts) return [];
  const name = (answer) => grades().find(([value]) => value === answer)?.[1] ?? OTHERS.find(([value]) => value === answer)?.[1] ?? answer;
  const text = Object.entries(counts).map(([answer, count]) => `${count} × ${name(answer)}`).join(', ');
  return [make('p', { id: 'said', className: 'quiet', textContent: `Raters are divided: ${text}` })];
}

// The sheet: marks by item, which cell has the cursor, and when the last mark was made.
const SHEET = 'sheet';
const sheet = { wanted: sessionStorage.getItem(SHEET) === '1', cells: [], marks: new Map(), at: 0, since: 0 };
const sheetful = () => sheet.wanted && state.beside.length > 0;
const named = (answer) => [...grades(), ...OTHERS].find(([value]) => value === answer)?.[1] ?? '';

function point(to) {
  sheet.at = Math.min(sheet.cells.length - 1, Math.max(0, to));
  sheet.cells[sheet.at].focus();
  sheet.cells[sheet.at].scrollIntoView({ block: 'nearest' });
}

function mark(cell, answer) {
  const now = performance.now();
  sheet.marks.set(cell.dataset.item, { item: cell.dataset.item, answer, milliseconds: Math.round(now - sheet.since) });
  sheet.since = now;
  cell.dataset.answer = answer;
  cell.querySelector('.mark').textContent = named(answer);
  const left = sheet.cells.length - sheet.marks.size;
  by('done').disabled = left > 0;
  by('rest').disabled = left === 0;
  by('reduced').textContent = left ? `${left} of ${sheet.cells.length} without a mark` : 'Enter stores all';
}

// Marks the cell under the cursor and goes on to the next that has no mark.
function grade(answer) {
  mark(sheet.cells[sheet.at], answer);
  const order = [...sheet.cells.keys()].map((step) => (sheet.at + 1 + step) % sheet.cells.length);
  const next = order.find((index) => !sheet.marks.has(sheet.cells[index].dataset.item));
  if (next === undefined) by('done').focus();
  else point(next);
}

function rest() {
  for (const cell of sheet.cells) if (!sheet.marks.has(cell.dataset.item)) mark(cell, `${state.lowest}`);
  by('done').focus();
}

function done() {
  if (sheet.marks.size === sheet.cells.length) chooseAll([...sheet.marks.values()]);
}

// How many cells stand in a row.
const along = () => sheet.cells.filter((cell) => cell.offsetTop === sheet.cells[0].offsetTop).length;

async function spread(images, turn) {
  const asked = [state.current, ...state.beside];
  const others = await Promise.all(state.beside.map((one) => picture(one.shown[0])));
  const [seed, ...candidates] = await copies([...images, ...others]);
  if (turn !== round) return;
  seed.alt = 'Seed';
  sheet.marks.clear();
  sheet.cells = candidates.map((image, index) => {
    image.alt = `Candidate ${index + 1}`;
    image.className = 'smooth';
    const cell = make('button', { className: 'cell' }, image, make('span', { className: 'mark' }));
    cell.dataset.item = asked[index].item;
    cell.onclick = () => {
      point(index);
      if (grades().length > 2) return;
      mark(cell, cell.dataset.answer === '1' ? '0' : '1');
    };
    cell.onfocus = () => { sheet.at = index; };
    return cell;
  });
  const figure = make('figure', { className: 'pane seed' }, lens(seed), make('figcaption', { textContent: 'Seed' }));
  stage.replaceChildren(figure, make('div', { className: 'sheet' }, ...sheet.cells));
  reset();
  offer([...grades(), ...OTHERS], grade);
  answers.append(
    make('button', { id: 'rest', textContent: `The others: ${named(`${state.lowest}`)}`, onclick: rest }),
    make('button', { id: 'done', textContent: 'Done', className: 'wide', disabled: true, onclick: done }, ),
  );
  by('rest').append(make('kbd', { textContent: 'R' }));
  by('done').append(make('kbd', { textContent: 'Enter' }));
  by('reduced').textContent = `${sheet.cells.length} candidates of one seed`;
  sheet.since = performance.now();
  point(0);
}

function turnOver() {
  sheet.wanted = !sheet.wanted;
  sessionStorage.setItem(SHEET, sheet.wanted ? '1' : '0');
  if (state.beside.length) ask();
  else tell(sheet.wanted ? 'Candidates of one seed will come together where there are several.' : 'Pairs will come one by one.');
}

async function present(images, turn) {
  if (sheetful()) return spread(images, turn);
  const [seed, candidate] = await copies(images);
  if (turn !== round) return;
  seed.alt = 'Seed';
  candidate.alt = 'Candidate';
  const figure = (image, name) => make('figure', { className: 'pane' }, lens(image), make('figcaption', { textContent: name }));
  stage.replaceChildren(figure(seed, 'Seed'), figure(candidate, 'Candidate'));
  reset();
  offer([...grades(), ...OTHERS]);
  if (grades().length > 2) {
    const label = (text) => make('span', { className: 'quiet', textContent: text });
    answers.prepend(label(state.lowest_label));
    answers.querySelectorAll('button')[grades().length - 1].after(label(state.highest_label));
  }
  answers.prepend(...said());
}

const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

start({
  present,
  undo: 'z',
  how: () => [
    state.adjudicates
      ? 'Raters are divided on these pairs; your answer decides.'
      : 'Seed and candidate are different things. Say whether the one would pass for the other in looks.',
    state.guidelines,
  ].filter(Boolean).join(' '),
  keys: () => [
    ...(state.highest === 1 ? [['Y 1', 'yes, they look alike'], ['N 0', 'no']] : [[`${state.lowest} … ${state.highest}`, 'a grade']]),
    ['U', 'unsure'], ['B', 'a picture cannot be judged'], ['S', 'skip'],
    ['G', 'all open candidates of the seed together, or one by one'],
    ['← ↑ → ↓', 'of several: to another'], ['R', 'of several: the others are not'], ['Enter', 'of several: store all marks'],
    ['+ -', 'enlarge both, or less'], ['← ↑ → ↓', 'move both'], ['F', 'fit again'],
  ],
  key: (name) => {
    if (phase !== 'asking') return false;
    if (name === 'g') { turnOver(); return true; }
    if (sheetful()) {
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -along(), ArrowDown: along() };
      if (steps[name]) point(sheet.at + steps[name]);
      else if (name === 'r') rest();
      else if (name === 'Enter') done();
      else if (name === '+' || name === '=') zoom(STEP);
      else if (name === '-') zoom(1 / STEP);
      else if (name === 'f') reset();
      else return false;
      return true;
    }
    if (name === '+' || name === '=') zoom(STEP);
    else if (name === '-') zoom(1 / STEP);
    else if (name === 'f') reset();
    else if (MOVES[name] && view.zoom > 1) {
      view.x += MOVES[name][0] * .1;
      view.y += MOVES[name][1] * .1;
      look();
    } else return false;
    return true;
  },
  resized: look,
});
