'use strict';
// Two-alternative forced choice, same or different, and ratings: pictures at `zoom` device pixels per sample.

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

async function present(images, turn) {
  if (state.task === 'jnd') {
    await flash(turn, images);
    if (turn !== round) return;
    return offer([['same', 'Same', ['s', 'ArrowLeft'], true], ['different', 'Different', ['d', 'ArrowRight'], true]]);
  }
  images = await copies(images);
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

const KEYS = {
  '2afc': [['← F 1', 'the left picture'], ['→ J 2', 'the right picture']],
  jnd: [['S ←', 'same'], ['D →', 'different']],
  rating: [['0 … 9', 'a step of the scale']],
};

start({
  present,
  undo: 'u',
  keys: () => KEYS[state.task],
  how: () => (state.task === 'jnd'
    ? 'Two pictures follow each other for a moment. Look at the middle of the grey field.'
    : 'Take a look, answer by key or click, and go by your first impression.'),
  resized: () => {
    if (state.task !== 'jnd') fit([...stage.querySelectorAll('img')], stage.querySelectorAll('img').length);
  },
});
