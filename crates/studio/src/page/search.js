'use strict';
// A picture, or one of the store, and what looks like it.
const SWITCHES = ['one_per_product', 'exclude_same_product', 'collapse'];
let chosen = null, under = null;

function show(image) {
  by('invitation').hidden = Boolean(image);
  by('query').hidden = !image;
  if (by('query').src) URL.revokeObjectURL(by('query').src);
  if (image) by('query').src = image; else by('query').removeAttribute('src');
}

function choose(file) {
  if (!file) return;
  chosen = file;
  by('id').value = '';
  show(URL.createObjectURL(file));
  search();
}

async function like(result) {
  chosen = null;
  by('file').value = '';
  by('id').value = result.id;
  scrollTo({ top: 0 });
  by('id').focus();
  await search();
}

async function search() {
  if (!by('form').reportValidity()) return;
  const id = by('id').value.trim();
  if (!chosen && !id) return tell('Choose a picture first, or type the id of one in the store.');
  under?.abort();
  under = new AbortController();
  const body = new FormData();
  for (const name of ['model', 'k', 'where']) body.append(name, by(name).value);
  for (const name of SWITCHES) if (by(name).checked) body.append(name, 'true');
  if (chosen) body.append('picture', chosen, chosen.name || 'picture'); else body.append('id', id);
  document.documentElement.dataset.phase = 'searching';
  tell('Searching…');
  const start = performance.now(), { signal } = under;
  try {
    const told = await (await ask('/api/search', { method: 'POST', body, signal })).json();
    const { results, own } = told.queries[0];
    const count = results.length === 1 ? '1 result' : `${results.length} results`;
    const known = own ? `; it is #${own.id} of the store, ${own.path}` : '';
    tell(`${count} in ${Math.round(performance.now() - start)} ms, by ${told.model}${known}`);
    by('results').replaceChildren(...results.map(figure));
    if (!chosen && own) show(await source(told.model, own.id));
    document.documentElement.dataset.phase = 'done';
  } catch (error) {
    if (error.name === 'AbortError') return;
    by('results').replaceChildren();
    tell(error.message);
    document.documentElement.dataset.phase = 'refused';
  }
}

async function source(model, id) {
  const number = Math.max(0, catalogues.findIndex((one) => one.name === model));
  try {
    return URL.createObjectURL(await (await ask(`/api/catalogue/${number}/${id}`)).blob());
  } catch { return null; }
}

function figure(result) {
  const place = make('div', { className: 'place' });
  picture(`/${result.picture}`, result.path).then((image) => place.append(image));
  const more = make('button', { type: 'button', textContent: 'More like this', onclick: () => like(result) });
  more.setAttribute('aria-label', `More like ${result.path}`);
  const product = result.product === result.path ? [] : [make('span', { className: 'quiet', textContent: result.product })];
  const copies = result.collapsed ? [make('span', { className: 'quiet', textContent: `and ${result.collapsed} near copies` })] : [];
  const caption = make('figcaption', {},
    make('span', { className: 'score', textContent: `${result.rank}. ${digits(result.score)}` }),
    make('span', { textContent: `#${result.id} ${result.path}` }), ...product, ...copies, more);
  return make('li', {}, make('figure', {}, place, caption));
}

by('file').onchange = () => choose(by('file').files[0]);
by('id').oninput = () => { if (by('id').value.trim()) { chosen = null; by('file').value = ''; show(null); } };
by('form').onsubmit = (event) => { event.preventDefault(); search(); };
addEventListener('dragover', (event) => { event.preventDefault(); by('well').classList.add('over'); });
addEventListener('dragleave', (event) => { if (!event.relatedTarget) by('well').classList.remove('over'); });
addEventListener('drop', (event) => {
  event.preventDefault();
  by('well').classList.remove('over');
  choose(event.dataTransfer.files[0]);
});
addEventListener('paste', (event) => choose([...event.clipboardData.files].find((file) => file.type.startsWith('image/'))));

let catalogues = [];
ask('/api/catalogue').then((answer) => answer.json()).then((told) => {
  catalogues = told.catalogues;
  by('model').replaceChildren(...catalogues.map((one) => make('option', { value: one.name, textContent: one.name })));
  by('models').hidden = catalogues.length < 2;
  const [first] = catalogues;
  tell(`${first.pictures} pictures, by ${first.model}${first.refuses_pictures ? `; only pictures of the store can be looked for: ${first.refuses_pictures}` : ''}`);
  document.documentElement.dataset.phase = 'ready';
}, (error) => tell(error.message));
