'use strict';
// One question at a time. An answer is kept in the tab until the server says that it is stored; sent twice
// it counts once, by its nonce.
const by = (id) => document.getElementById(id);
const stage = by('stage'), answers = by('answers');
const token = location.hash.slice(1);
const KEPT = `kept ${token}`;
let state = null, phase = 'loading', shownAt = 0, scale = 1, times = [], round = 0, choices = {};
const ready = new Map();

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const nonce = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
const tell = (text) => { by('told').textContent = text; };
const enter = (next) => { phase = next; document.documentElement.dataset.phase = next; };

async function call(path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  const options = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
  for (let wait = 250; ; wait = Math.min(wait * 2, 2000)) {
    try {
      const answer = await fetch(path, options);
      const told = await answer.json();
      if (wait > 250) tell('The server is back.');
      return { status: answer.status, told };
    } catch {
      tell('The server does not answer. Nothing is lost; trying again…');
      await sleep(wait);
    }
  }
}

// Pictures are fetched with the token in a header and held as blobs, the next question's ahead of time.
function picture(id) {
  if (!ready.has(id)) {
    ready.set(id, (async () => {
      for (let wait = 250; ; wait = Math.min(wait * 2, 2000)) {
        let answer;
        try {
          answer = await fetch(`api/picture/${id}`, { headers: { Authorization: `Bearer ${token}` } });
        } catch { await sleep(wait); continue; }
        if (!answer.ok) throw new Error((await answer.json()).error);
        const image = new Image();
        image.src = URL.createObjectURL(await answer.blob());
        await image.decode();
        return image;
      }
    })());
  }
  return ready.get(id);
}

function forget(wanted) {
  for (const [id, image] of ready) {
    if (wanted.has(id)) continue;
    ready.delete(id);
    image.then((i) => URL.revokeObjectURL(i.src), () => {});
  }
}

// All pictures at one scale: `zoom` device pixels per sample, less where they would not fit.
function fit(images, beside) {
  const box = stage.getBoundingClientRect(), narrow = innerWidth <= 600, dpr = devicePixelRatio;
  const columns = narrow ? Math.min(beside, 2) : beside, rows = narrow && beside > 2 ? 2 : 1;
  const width = Math.max(...images.map((i) => i.naturalWidth)), height = Math.max(...images.map((i) => i.naturalHeight));
  const room = Math.min((box.width - 40 - 24 * (columns - 1)) / columns / width, (box.height - 40 - 44 * rows) / rows / height);
  scale = Math.min(state.zoom, Math.max(room, 0.01) * dpr);
  for (const image of images) {
    image.style.width = `${image.naturalWidth * scale / dpr}px`;
    image.style.height = `${image.naturalHeight * scale / dpr}px`;
    image.className = Number.isInteger(scale) ? '' : 'smooth';
  }
  by('reduced').textContent = scale < state.zoom ? `pictures at ${Math.round(scale / state.zoom * 100)} % to fit` : '';
}

function card(title, text, label, action) {
  const children = [make('h2', { textContent: title }), make('p', { textContent: text })];
  if (label) {
    const button = make('button', { textContent: label, onclick: action });
    button.append(make('kbd', { textContent: 'Space' }));
    children.push(button);
  }
  stage.replaceChildren(make('div', { className: 'card' }, ...children));
  answers.replaceChildren();
  choices = {};
  (stage.querySelector('button') ?? stage).focus();
}

function offer(list) {
  choices = {};
  answers.replaceChildren(...list.map(([answer, label, keys, wide]) => {
    for (const key of keys) choices[key] = answer;
    const button = make('button', { textContent: label, className: wide ? 'wide' : '', onclick: () => choose(answer) });
    button.append(make('kbd', { textContent: keys[0].replace('ArrowLeft', '←').replace('ArrowRight', '→').toUpperCase() }));
    return button;
  }));
}

function chart() {
  const left = state.answered && !state.current ? 0 : state.left;
  by('question').textContent = state.question;
  by('rater').textContent = state.rater;
  by('bar').max = Math.max(1, state.answered + left);
  by('bar').value = state.answered;
  by('count').textContent = `${state.answered} answered, ${left} left · all raters: ${state.votes} of ${state.wanted} votes`;
  by('undo').disabled = state.last === null || phase === 'sending';
  by('pause').disabled = !['asking', 'showing'].includes(phase);
}

async function ask() {
  const turn = ++round;
  if (!state.current) {
    enter('done');
    card('Thank you', 'There are no more questions for you now. You may close this page; the same link shows new ones.');
    return chart();
  }
  enter('showing');
  chart();
  const { reference, shown } = state.current;
  const ids = [...(reference ? [reference] : []), ...shown];
  forget(new Set([...ids, ...state.upcoming]));
  let images;
  try {
    images = await Promise.all(ids.map(picture));
  } catch (error) {
    if (turn === round) { enter('broken'); card('A picture cannot be shown', error.message); }
    return;
  }
  if (turn !== round) return;
  for (const id of state.upcoming) picture(id).catch(() => {});
  times = [];
  if (state.task === 'jnd') {
    await flash(turn, images);
    if (turn !== round) return;
    offer([['same', 'Same', ['s', 'ArrowLeft'], true], ['different', 'Different', ['d', 'ArrowRight'], true]]);
  } else {
    // Copies, as one picture may stand in two places.
    images = images.map((image) => image.cloneNode());
    await Promise.all(images.map((image) => image.decode()));
    if (turn !== round) return;
    const figure = (image, name, answer) => {
      image.alt = `${name} picture`;
      const inside = answer ? make('button', { className: 'pick', tabIndex: -1, onclick: () => choose(answer) }, image) : image;
      if (answer) inside.dataset.answer = answer;
      return make('figure', { className: answer ? '' : 'reference' }, inside, make('figcaption', { textContent: name }));
    };
    const [first, second, third] = images;
    fit(images, images.length);
    if (state.task === '2afc') {
      stage.replaceChildren(figure(second, 'Left', 'first'), figure(first, 'Reference'), figure(third, 'Right', 'second'));
      offer([['first', 'Left', ['ArrowLeft', 'f', '1'], true], ['second', 'Right', ['ArrowRight', 'j', '2'], true]]);
    } else {
      stage.replaceChildren(figure(first, 'Reference'), figure(second, 'Picture'));
      const steps = [];
      for (let step = state.lowest; step <= state.highest; step++) steps.push([`${step}`, `${step}`, [`${step}`]]);
      offer(steps);
      const label = (text) => make('span', { className: 'quiet', textContent: text });
      answers.prepend(label(state.lowest_label));
      answers.append(label(state.highest_label));
      answers.querySelectorAll('button kbd').forEach((key) => key.remove());
    }
  }
  await new Promise(requestAnimationFrame);
  if (turn !== round) return;
  shownAt = performance.now();
  enter('asking');
  chart();
}

// Two pictures one after the other in the same place; times are kept to the frame and reported.
async function flash(turn, images) {
  answers.replaceChildren();
  choices = {};
  fit(images, 1);
  const hold = async (child, ms) => {
    stage.replaceChildren(...(child ? [child] : []));
    const start = await new Promise(requestAnimationFrame);
    let now = start;
    // Half a frame early is nearer than half a frame late.
    while (now - start < ms - 8 && turn === round) now = await new Promise(requestAnimationFrame);
    return now - start;
  };
  const cross = make('div', { className: 'cross' });
  cross.setAttribute('aria-hidden', 'true');
  await hold(cross, 500);
  const [first, second] = images[0] === images[1] ? [images[0], images[0]] : images;
  first.alt = 'First picture';
  second.alt = 'Second picture';
  const parts = [[first, state.show], [null, state.gap], [second, state.show]];
  for (const [child, ms] of parts) {
    if (turn !== round) return;
    times.push(Math.round(await hold(child, ms) * 10) / 10);
  }
  stage.replaceChildren();
}

async function choose(answer) {
  if (phase !== 'asking') return;
  enter('sending');
  stage.querySelector(`[data-answer="${answer}"]`)?.classList.add('chosen');
  const milliseconds = Math.round(performance.now() - shownAt);
  const kept = { nonce: nonce(), item: state.current.item, answer, milliseconds, display: { scale, times } };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  chart();
  await send(kept);
}

async function send(kept) {
  const { status, told } = await call('api/answer', kept);
  sessionStorage.removeItem(KEPT);
  if (status !== 200) return load(told.error);
  take(told);
}

function take(told) {
  state = told;
  tell('');
  ask();
}

async function undo() {
  if (!state || state.last === null || !['asking', 'showing', 'done'].includes(phase)) return;
  round++;
  enter('sending');
  const { status, told } = await call('api/undo', { nonce: nonce(), last: state.last });
  if (status !== 200) return load(told.error);
  take(told);
  tell('Your last answer was taken back.');
}

function pause() {
  if (!['asking', 'showing'].includes(phase)) return;
  round++;
  enter('paused');
  card('Paused', 'Your answers are stored. Go on whenever you like, also later by the same link.', 'Go on', ask);
  chart();
}

async function load(trouble) {
  const { status, told } = await call('api/state');
  if (status !== 200) {
    enter('refused');
    return card('This link does not work', `${told.error}. Ask for a new one.`);
  }
  state = told;
  tell(trouble ? `${trouble}; here is what comes next.` : '');
  const kept = sessionStorage.getItem(KEPT);
  if (kept && !trouble) return send(JSON.parse(kept));
  if (trouble) return ask();
  enter('paused');
  chart();
  const how = state.task === 'jnd'
    ? 'Two pictures follow each other for a moment. Look at the middle of the grey field.'
    : 'Take a look, answer by key or click, and go by your first impression.';
  card(state.answered ? 'Welcome back' : 'Ready?', how, 'Start', ask);
}

const KEYS = {
  '2afc': [['← F 1', 'the left picture'], ['→ J 2', 'the right picture']],
  jnd: [['S ←', 'same'], ['D →', 'different']],
  rating: [['0 … 9', 'a step of the scale']],
};
function help() {
  const rows = [...(state ? KEYS[state.task] : []), ['U', 'take the last answer back'], ['P', 'pause'], ['Space', 'start, go on'], ['?', 'this list']];
  by('list').replaceChildren(...rows.flatMap(([keys, what]) => [
    make('dt', {}, ...keys.split(' ').map((key) => make('kbd', { textContent: key }))), make('dd', { textContent: what }),
  ]));
  by('help').showModal();
}

addEventListener('keydown', (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || by('help').open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === '?') help();
  else if (key === 'u' || key === 'Backspace') undo();
  else if (key === 'p' || key === 'Escape') pause();
  else if (key === ' ' && phase === 'paused' && document.activeElement.tagName !== 'BUTTON') ask();
  else if (choices[key] && phase === 'asking') choose(choices[key]);
  else return;
  event.preventDefault();
});
by('undo').onclick = undo;
by('pause').onclick = pause;
by('ask').onclick = help;
// What nobody saw is no presentation.
document.addEventListener('visibilitychange', () => { if (document.hidden) pause(); });
addEventListener('resize', () => { if (phase === 'asking' && state.task !== 'jnd') fit([...stage.querySelectorAll('img')], stage.querySelectorAll('img').length); });
addEventListener('hashchange', () => location.reload());
load();
