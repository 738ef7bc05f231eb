'use strict';
// How far everybody is, asked for every two seconds.
const link = (person) => make('a', { href: person.link, target: '_blank', rel: 'noopener', textContent: `answer as ${person.rater}` });

async function refresh() {
  try {
    const told = await (await ask('/api/labels')).json();
    const { overview } = told;
    const links = new Map(told.people.map((person) => [person.rater, person]));
    by('content').hidden = false;
    by('question').textContent = told.question;
    by('bar').max = Math.max(1, overview.wanted);
    by('bar').value = overview.votes;
    by('count').textContent = `${overview.votes} of ${overview.wanted} votes`;
    const kept = document.activeElement?.closest?.('a')?.getAttribute('href');
    by('people').replaceChildren(...overview.raters.map((one) => row(one.rater, one.answered, one.left,
      one.checks ? `${one.met} of ${one.checks}` : '–', link(links.get(one.rater)))));
    const adjudicators = overview.adjudicators ?? [];
    by('adjudication').hidden = !adjudicators.length;
    by('adjudicators').replaceChildren(...adjudicators.map((one) => row(one.rater, one.answered, one.left, link(links.get(one.rater)))));
    const pairs = overview.divided === 1 ? '1 pair is' : `${overview.divided} pairs are`;
    by('queue').textContent = `Raters are divided on, and nobody has decided: ${pairs} waiting.${adjudicators.length ? '' : ' The project names no adjudicators.'}`;
    // Rows are new; who had a link in focus has it still.
    if (kept) document.querySelector(`a[href="${CSS.escape(kept)}"]`)?.focus();
    tell('');
  } catch (error) {
    tell(error.message);
  }
  setTimeout(refresh, 2000);
}
refresh();
