'use strict';
// What all pages of the workbench share. The token, where one is needed, comes behind the # of a link; it stays
// in this tab, leaves the address, and travels in a header.
const by = (id) => document.getElementById(id);
if (location.hash.length > 1) {
  sessionStorage.setItem('token', location.hash.slice(1));
  history.replaceState(null, '', location.pathname);
}
const token = sessionStorage.getItem('token');

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const tell = (text) => { by('told').textContent = text; };
const digits = (value, count = 4) => (value === null || value === undefined ? '–' : value.toFixed(count));

// An answer of the server; what it refuses is an error with its reason.
async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...headers, ...options.headers } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not answer.');
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ?? `The server says ${answer.status}.`);
}

// A picture as an image; its address is held in this tab only.
async function picture(path, alt) {
  const image = make('img', { alt });
  try {
    image.src = URL.createObjectURL(await (await ask(path)).blob());
    await image.decode();
    return image;
  } catch (error) {
    return make('span', { className: 'quiet', textContent: error.message || 'cannot be shown' });
  }
}

const row = (...cells) => make('tr', {}, ...cells.map((cell, index) => {
  const element = make(index ? 'td' : 'th');
  if (!index) element.scope = 'row';
  element.append(cell instanceof Node ? cell : `${cell}`);
  return element;
}));

by('skip').onclick = () => by('main').focus();
addEventListener('hashchange', () => location.reload());
document.documentElement.dataset.ready = 'true';
