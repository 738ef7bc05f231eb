'use strict';
// How well models do by the labels so far.
function scores(table, models, key) {
  const names = [...new Set(models.flatMap((model) => Object.keys(model[key])))];
  const head = make('tr', {}, make('th', { scope: 'col', textContent: 'Score' }),
    ...models.map((model) => make('th', { scope: 'col', textContent: model.id })));
  const small = (text) => make('small', { textContent: text });
  const cell = (one) => {
    const parts = make('div');
    if (!one) return '–';
    const pair = (ends) => ends.map((end) => digits(end, 3)).join(' to ');
    parts.append(digits(one.value));
    if (one.ci) parts.append(small(pair(one.ci)));
    if (one.bounds) parts.append(small(`bounds ${pair(one.bounds)}`));
    if (one.ceiling !== undefined) parts.append(small(`ceiling ${digits(one.ceiling, 3)}`));
    return parts;
  };
  table.querySelectorAll('thead, tbody').forEach((part) => part.remove());
  table.append(make('thead', {}, head), make('tbody', {}, ...names.map((name) => row(name, ...models.map((model) => cell(model[key][name]))))));
  table.parentElement.hidden = !names.length;
}

(async () => {
  tell('Evaluating…');
  try {
    const told = await (await ask('/api/evaluation')).json();
    by('summary').textContent = `${told.seeds} seeds, ${told.gallery} images of ${told.products} products; ${told.labels.all} labels, ${told.labels.similar} similar. An answer is any picture of a product of which a picture was labelled.`;
    scores(by('discovery'), told.models, 'metrics');
    scores(by('identification'), told.models, 'identification');
    by('gains').replaceChildren(...(told.leave_one_out ?? []).map((one) => row(one.model, one.pairs, digits(one.with), digits(one.without), digits(one.order))));
    by('generators').hidden = !told.leave_one_out?.length;
    by('comparisons').replaceChildren(...told.comparisons.map((one) => {
      const line = row(`${one.a} – ${one.b}`, one.metric, `${one.difference < 0 ? '' : '+'}${digits(one.difference)}`, digits(one.p), digits(one.p_holm));
      line.className = one.p_holm < .05 ? 'sure' : '';
      return line;
    }));
    by('differences').hidden = !told.comparisons.length;
    by('content').hidden = false;
    tell('');
  } catch (error) {
    tell(error.message);
  }
  document.documentElement.dataset.phase = 'done';
})();
