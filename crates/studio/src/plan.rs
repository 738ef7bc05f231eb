//! Who is asked what next.
//!
//! Of the items that lack votes and that a rater has not answered, the one with the fewest votes comes
//! next, so that all grow evenly; among equals an order of the rater's own decides, drawn from the seed.
//! Items that others have open count as voted in that comparison, and in no other: nobody waits for
//! whoever went away, and at the very end an item may get a vote too many.
//!
//! In every run of `check_every` questions one is an attention check, at a place drawn from the seed, as
//! long as there are checks that the rater has not seen. Sides are drawn per item and turned round from one
//! rater to the next, so that each item is shown either way about equally often.
//!
//! All draws are hashes of seed, rater and item: the same votes give the same question after a restart.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::project::Project;
use crate::store::Vote;

/// How far a rater is.
#[derive(Clone, Debug, Default)]
pub struct RaterState {
    /// The items answered, by number, checks included.
    pub answered: HashSet<usize>,
    /// The answers that count, in order: number in the store, item.
    pub history: Vec<(i64, usize)>,
    /// Attention checks answered, and answered as expected.
    pub checks: (usize, usize),
    /// The item that is on the screen.
    pub open: Option<usize>,
}

/// What was answered and what is to be asked.
#[derive(Debug)]
pub struct Plan {
    /// Votes that count, per item.
    pub votes: Vec<usize>,
    /// The raters, in the order of the project.
    pub raters: Vec<RaterState>,
    numbers: HashMap<String, usize>,
}

impl Plan {
    /// The state that the stored votes give. Votes of items or raters that the project no longer has are
    /// left aside.
    pub fn new(project: &Project, votes: &[Vote]) -> Self {
        let numbered = project.items.iter().enumerate();
        let mut plan = Self {
            votes: vec![0; project.items.len()],
            raters: vec![RaterState::default(); project.raters.len()],
            numbers: numbered.map(|(number, item)| (item.key.clone(), number)).collect(),
        };
        for vote in votes.iter().filter(|vote| !vote.undone) {
            let rater = project.raters.iter().position(|name| *name == vote.rater);
            if let (Some(rater), Some(item)) = (rater, plan.number(&vote.item)) {
                let met = crate::project::Answer::parse(&vote.answer, project.task)
                    .zip(vote.expected.as_deref())
                    .map(|(answer, expected)| answer.meets(expected));
                plan.add(rater, item, vote.seq, met);
            }
        }
        plan
    }

    /// The number of an item.
    pub fn number(&self, key: &str) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// Counts an answer; `met` says whether an attention check was.
    pub fn add(&mut self, rater: usize, item: usize, seq: i64, met: Option<bool>) {
        let state = &mut self.raters[rater];
        if state.answered.insert(item) {
            state.history.push((seq, item));
            self.votes[item] += 1;
            if let Some(met) = met {
                state.checks.0 += 1;
                state.checks.1 += usize::from(met);
            }
        }
    }

    /// The item that a rater is to be asked next, after those in `also` too.
    pub fn next(&self, project: &Project, rater: usize, also: &[usize]) -> Option<usize> {
        let state = &self.raters[rater];
        let unseen = |item: &usize| !state.answered.contains(item) && !also.contains(item);
        let rank = |item: usize| {
            draw(project.seed, &["order", &project.raters[rater], &project.items[item].key])
        };
        let others_open = |item: usize| {
            let others = self.raters.iter().enumerate().filter(|(other, _)| *other != rater);
            others.filter(|(_, state)| state.open == Some(item)).count()
        };
        let all = 0..project.items.len();
        let ordinary = all
            .clone()
            .filter(|&item| !project.items[item].is_check() && self.votes[item] < project.votes)
            .filter(unseen)
            .min_by_key(|&item| (self.votes[item] + others_open(item), rank(item)));
        let asked = state.answered.len() + also.len();
        let (run, place) = (asked / project.check_every, asked % project.check_every);
        let drawn = draw(project.seed, &["check", &project.raters[rater], &run.to_string()]);
        if ordinary.is_some() && drawn % project.check_every as u64 == place as u64 {
            let checks = all.filter(|&item| project.items[item].is_check()).filter(unseen);
            return checks.min_by_key(|&item| rank(item)).or(ordinary);
        }
        ordinary
    }

    /// Whether the second picture of an item is shown on the left, or first.
    pub fn is_swapped(project: &Project, rater: usize, item: usize) -> bool {
        let drawn = draw(project.seed, &["side", &project.items[item].key]);
        (drawn & 1 == 1) != (rater % 2 == 1)
    }

    /// Votes that count towards what is wanted, and how many are wanted.
    pub fn progress(&self, project: &Project) -> (usize, usize) {
        let ordinary = project.items.iter().zip(&self.votes).filter(|(item, _)| !item.is_check());
        ordinary.fold((0, 0), |(votes, wanted), (_, &count)| {
            (votes + count.min(project.votes), wanted + project.votes)
        })
    }

    /// How many ordinary questions there are for a rater still.
    pub fn left(&self, project: &Project, rater: usize) -> usize {
        let answered = &self.raters[rater].answered;
        let numbered = project.items.iter().zip(&self.votes).enumerate();
        numbered
            .filter(|(number, (item, votes))| {
                !item.is_check() && **votes < project.votes && !answered.contains(number)
            })
            .count()
    }
}

/// 64 bits that depend on the seed and on what is drawn, and on nothing else.
fn draw(seed: u64, what: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in what {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(items: usize, checks: usize, more: &str) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = "reference,left,right,expected\n".to_owned();
        for item in 0..items + checks {
            let expected = if item < items { "" } else { "left" };
            rows += &format!("r{item},a,b,{expected}\n");
        }
        std::fs::write(folder.path().join("items.csv"), rows).unwrap();
        let toml = format!("task = '2afc'\nitems = 'items.csv'\n{more}");
        Project::parse(toml.as_bytes(), folder.path()).unwrap()
    }

    /// Answers as long as there are questions, raters in turn.
    fn run(project: &Project) -> (Plan, Vec<Vec<usize>>) {
        let mut plan = Plan::new(project, &[]);
        let mut asked = vec![Vec::new(); project.raters.len()];
        loop {
            let before: usize = asked.iter().map(Vec::len).sum();
            for (rater, asked) in asked.iter_mut().enumerate() {
                if let Some(item) = plan.next(project, rater, &[]) {
                    plan.add(rater, item, 0, project.items[item].is_check().then_some(true));
                    asked.push(item);
                }
            }
            if asked.iter().map(Vec::len).sum::<usize>() == before {
                return (plan, asked);
            }
        }
    }

    #[test]
    fn every_item_gets_its_votes_and_no_rater_is_asked_twice() {
        let project = project(20, 0, "raters = 5\nvotes = 3");
        let (plan, asked) = run(&project);
        assert!(plan.votes.iter().all(|&votes| votes == 3), "{:?}", plan.votes);
        assert_eq!(plan.progress(&project), (60, 60));
        for items in &asked {
            let distinct: HashSet<_> = items.iter().collect();
            assert_eq!(distinct.len(), items.len());
            assert!((10..=14).contains(&items.len()), "{asked:?}");
        }
        assert_eq!(run(&project).1, asked, "the same again");
    }

    #[test]
    fn orders_differ_and_sides_are_balanced() {
        let project = project(40, 0, "raters = 2");
        let (_, asked) = run(&project);
        assert_ne!(asked[0], asked[1]);
        assert_ne!(asked[0], (0..40).collect::<Vec<_>>());
        let swapped = (0..40).filter(|&item| Plan::is_swapped(&project, 0, item)).count();
        assert!((10..=30).contains(&swapped), "{swapped}");
        assert!((0..40).all(|item| {
            Plan::is_swapped(&project, 0, item) != Plan::is_swapped(&project, 1, item)
        }));
    }

    #[test]
    fn each_run_has_one_check() {
        let project = project(36, 9, "raters = 1\ncheck_every = 5");
        let (_, asked) = run(&project);
        let is_check = |item: &&usize| project.items[**item].is_check();
        assert_eq!(asked[0].len(), 45);
        for run in asked[0].chunks_exact(5) {
            assert_eq!(run.iter().filter(is_check).count(), 1, "{asked:?}");
        }
    }
}
