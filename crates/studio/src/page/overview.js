'use strict';
// How far everybody is, asked for every two seconds.
const by = (id) => document.getElementById(id);
async function refresh() {
  try {
    const headers = { Authorization: `Bearer ${location.hash.slice(1)}` };
    const answer = await fetch('api/overview', { headers });
    const now = await answer.json();
    if (!answer.ok) throw new Error(now.error);
    by('bar').max = now.wanted;
    by('bar').value = now.votes;
    by('count').textContent = `${now.votes} of ${now.wanted} votes`;
    by('raters').replaceChildren(...now.raters.map((rater) => {
      const row = document.createElement('tr');
      const checks = rater.checks ? `${rater.met} of ${rater.checks}` : '–';
      for (const text of [rater.rater, rater.answered, rater.left, checks]) {
        row.append(Object.assign(document.createElement('td'), { textContent: text }));
      }
      return row;
    }));
    by('told').textContent = '';
  } catch (error) {
    by('told').textContent = error instanceof TypeError ? 'The server does not answer.' : error.message;
  }
  setTimeout(refresh, 2000);
}
refresh();
