'use strict';
// How far raters agree.
const NAMES = {
  raw: 'Raw agreement', fleiss: "Fleiss' κ", alpha: "Krippendorff's α, nominal",
  alpha_ordinal: "Krippendorff's α, ordinal", pabak: 'PABAK', ac1: "Gwet's AC1",
};

(async () => {
  try {
    const told = await (await ask('/api/agreement')).json();
    by('summary').textContent = `${told.votes} votes on ${told.pairs} pairs, ${told.shared} of them by several raters; `
      + `${(100 * told.prevalence).toFixed(1)} % say similar.`
      + Object.entries(told.undecided).map(([name, count]) => ` ${count} × ${name}.`).join('');
    const order = Object.keys(NAMES);
    const coefficients = Object.entries(told.coefficients).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
    by('coefficients').replaceChildren(...coefficients.map(([name, one]) => row(NAMES[name] ?? name,
      digits(one.value), one.ci ? `${digits(one.ci[0])} to ${digits(one.ci[1])}` : '–')));
    by('pairs').replaceChildren(...told.rater_pairs.map((one) => row(one.raters.join(', '), one.pairs,
      ...['raw', 'kappa', 'weighted_kappa', 'pabak', 'ac1'].map((name) => digits(one[name])))));
    by('raters').replaceChildren(...told.raters.map((one) => row(one.rater, one.votes, digits(one.similar), one.repeated,
      digits(one.intra), digits(one.accuracy))));
    const { labels } = told;
    by('labels').textContent = `${labels.all} labels by majority, ${labels.similar} of them similar; ${labels.decided} were decided by an adjudicator; ${labels.divided.length} pairs have none, as raters are divided.`;
    by('divided').replaceChildren(...labels.divided.slice(0, 50).map((pair) => make('li', { textContent: pair.join(' – ') })));
    by('content').hidden = false;
    tell('');
  } catch (error) {
    tell(error.message);
  }
  document.documentElement.dataset.phase = 'done';
})();
