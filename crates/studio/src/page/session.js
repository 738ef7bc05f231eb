'use strict';
// One question at a time, whatever is asked; the script after this one says how by `start`. An answer is kept in
// the tab until the server says that it is stored; sent twice it counts once, by its nonce.
const by = (id) => document.getElementById(id);
const stage = by('stage'), answers = by('answers');
const token = location.hash.slice(1);
const KEPT = `kept ${token}`;
let act = choose, state = null, phase = 'loading', shownAt = 0, scale = 1, times = [], round = 0, choices = {}, page = null;
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

// `to` takes the answer that was chosen.
function offer(list, to = choose) {
  choices = {};
  act = to;
  answers.replaceChildren(...list.map(([answer, label, keys, wide]) => {
    for (const key of keys) choices[key] = answer;
    const button = make('button', { textContent: label, className: wide ? 'wide' : '', onclick: () => to(answer) });
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
  await page.present(images, turn);
  if (turn !== round) return;
  await new Promise(requestAnimationFrame);
  if (turn !== round) return;
  shownAt = performance.now();
  enter('asking');
  chart();
}

// Copies, as one picture may stand in two places.
async function copies(images) {
  const all = images.map((image) => image.cloneNode());
  await Promise.all(all.map((image) => image.decode()));
  return all;
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

// Several answers that were chosen together; each counts by itself.
async function chooseAll(list) {
  if (phase !== 'asking') return;
  enter('sending');
  const kept = list.map((one) => ({ nonce: nonce(), ...one, display: { scale, times: [] } }));
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  chart();
  await send(kept);
}

async function send(kept) {
  let last;
  for (const one of [kept].flat()) {
    const { status, told } = await call('api/answer', one);
    if (status !== 200) {
      sessionStorage.removeItem(KEPT);
      return load(told.error);
    }
    last = told;
  }
  sessionStorage.removeItem(KEPT);
  take(last);
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
  card(state.answered ? 'Welcome back' : 'Ready?', page.how(), 'Start', ask);
}

function help() {
  const rows = [...(state ? page.keys() : []), [page.undo.toUpperCase(), 'take the last answer back'], ['P', 'pause'], ['Space', 'start, go on'], ['?', 'this list']];
  by('list').replaceChildren(...rows.flatMap(([keys, what]) => [
    make('dt', {}, ...keys.split(' ').map((key) => make('kbd', { textContent: key }))), make('dd', { textContent: what }),
  ]));
  by('help').showModal();
}

addEventListener('keydown', (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || by('help').open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === '?') help();
  else if (key === page.undo || key === 'Backspace') undo();
  else if (key === 'p' || key === 'Escape') pause();
  else if (key === ' ' && phase === 'paused' && document.activeElement.tagName !== 'BUTTON') ask();
  else if (choices[key] && phase === 'asking') act(choices[key]);
  else if (!page.key?.(event.key)) return;
  event.preventDefault();
});
by('undo').onclick = undo;
by('pause').onclick = pause;
by('ask').onclick = help;
// What nobody saw is no presentation.
document.addEventListener('visibilitychange', () => { if (document.hidden) pause(); });
addEventListener('resize', () => { if (phase === 'asking') page.resized?.(); });
addEventListener('hashchange', () => location.reload());

// `present(images, turn)` shows the pictures and offers answers; `keys()` lists what they mean, `how()` says what
// to do; `undo` is the key that takes an answer back. `key(name)` and `resized()` may be there.
function start(shown) {
  page = shown;
  by('undo').querySelector('kbd').textContent = page.undo.toUpperCase();
  load();
}
