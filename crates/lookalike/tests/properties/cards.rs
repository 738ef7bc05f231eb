//! Cards say something, and nothing that contradicts itself.

use lookalike::Direction;

use crate::every_metric;

#[test]
fn cards_are_complete_and_consistent() {
    every_metric("card", |metric| {
        let card = metric.card();
        let texts = [
            ("title", card.title),
            ("definition", card.definition),
            ("source", card.source),
            ("reproduces", card.reproduces),
        ];
        let mut wrong: Vec<String> = texts
            .iter()
            .filter(|(_, text)| text.trim().is_empty() || text.contains("  "))
            .map(|(name, text)| format!("{name} is empty or holds double blanks: '{text}'"))
            .collect();
        if card.map.is_some_and(|scale| scale.same == scale.different) {
            wrong.push("its map's scale has no extent".to_owned());
        }
        if card.minimum_side == 0 {
            wrong.push("its least side is 0".to_owned());
        }
        if metric.id().to_string() != card.id {
            wrong.push(format!("it calls itself {}", metric.id()));
        }
        wrong
    });
}

#[test]
fn nothing_is_better_than_equal_pictures() {
    every_metric("best value", |metric| {
        let card = metric.card();
        let best = match card.direction {
            Direction::HigherIsBetter => card.range.high,
            Direction::LowerIsBetter => card.range.low,
        };
        if card.equal == best {
            Vec::new()
        } else {
            vec![format!("equal pictures give {}, but the best value is {best}", card.equal)]
        }
    });
}
