//! What is said of the agreement in a set of votes, in the shape of its JSON: `lookalike.agree/1`.

use serde_json::{Map, Value, json};

use super::panel::Panel;

impl Panel {
    /// The panel as `discover agree --format json` writes it.
    pub fn record(&self) -> Value {
        let coefficients: Map<String, Value> = self
            .coefficients
            .iter()
            .map(|(name, one)| {
                let ci = one.interval.map(|interval| [interval.low, interval.high]);
                ((*name).to_owned(), json!({"value": one.value, "ci": ci}))
            })
            .collect();
        let pairs = self.pairs.iter().map(|pair| {
            json!({
                "raters": pair.raters, "pairs": pair.units, "raw": pair.raw, "kappa": pair.kappa,
                "weighted_kappa": pair.weighted, "pabak": pair.pabak, "ac1": pair.ac1,
            })
        });
        let raters = self.raters.iter().map(|rater| {
            json!({
                "rater": rater.name, "votes": rater.votes, "similar": rater.similar,
                "repeated": rater.repeated, "intra": rater.intra, "accuracy": rater.accuracy,
            })
        });
        json!({
            "schema": "lookalike.agree/1",
            "pairs": self.units, "shared": self.shared, "votes": self.votes,
            "prevalence": self.prevalence, "undecided": self.undecided,
            "coefficients": coefficients,
            "rater_pairs": pairs.collect::<Vec<_>>(),
            "raters": raters.collect::<Vec<_>>(),
        })
    }
}
