//! Who is asked what next.
//!
//! Of the items that lack votes and that a rater has not answered, the one with the fewest votes comes
//! next, so that all grow evenly; among equals an order of the rater's own decides, drawn from the seed.
//! Items that others have open count as voted in that comparison, and in no other: nobody waits for
//! whoever went away, and at the very end an item may get a vote too many.
//!
//! In every run of `check_every` questions one is an attention check, at a place drawn from the seed, as
//! long as there are checks that the rater has not seen. In every run of `repeat_every` one is a pair that the
//! rater answered before, [`LEAST_GAP`] questions ago or more. Sides are drawn per item and turned round from one
//! rater to the next, so that each item is shown either way about equally often.
//!
//! An adjudicator is asked about what raters are divided on: items that all of them answered, or as many as are
//! wanted, and not all alike. "Unsure" and "bad picture" are answers; who skips an item gave none.
//!
//! Candidates of the seed that is asked about can be asked about together with it ([`Plan::beside`]); their answers
//! are as any others.
//!
//! All draws are hashes of seed, rater and item: the same votes give the same question after a restart.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::project::{Answer, Project, Task};
use crate::store::Vote;

/// Questions between a pair and its repetition.
const LEAST_GAP: usize = 5;

/// Candidates of one seed that are shown together at most.
const TOGETHER: usize = 12;

/// How far somebody is.
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
    /// Everybody, in the order of [`Project::people`].
    pub raters: Vec<RaterState>,
    /// What raters said of each item.
    said: Vec<Vec<Answer>>,
    /// How often each item was skipped.
    skipped: Vec<usize>,
    /// Whether an adjudicator decided on it.
    decided: Vec<bool>,
    numbers: HashMap<String, usize>,
}

impl Plan {
    /// The state that the stored votes give. Votes of items or raters that the project no longer has are
    /// left aside.
    pub fn new(project: &Project, votes: &[Vote]) -> Self {
        let numbered = project.items.iter().enumerate();
        let count = project.items.len();
        let mut plan = Self {
            votes: vec![0; count],
            raters: vec![RaterState::default(); project.people().count()],
            said: vec![Vec::new(); count],
            skipped: vec![0; count],
            decided: vec![false; count],
            numbers: numbered.map(|(number, item)| (item.key.clone(), number)).collect(),
        };
        for vote in votes.iter().filter(|vote| !vote.undone) {
            let person = project.people().position(|name| *name == vote.rater);
            let answer = Answer::parse(&vote.answer, project.task);
            if let (Some(person), Some(item), Some(answer)) =
                (person, plan.number(&vote.item), answer)
            {
                plan.add(project, person, item, vote.seq, answer);
            }
        }
        plan
    }

    /// The number of an item.
    pub fn number(&self, key: &str) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// Counts an answer.
    pub fn add(&mut self, project: &Project, person: usize, item: usize, seq: i64, answer: Answer) {
        let state = &mut self.raters[person];
        if !state.answered.insert(item) {
            return;
        }
        state.history.push((seq, item));
        if let Some(expected) = project.items[item].question.expected.as_deref() {
            state.checks.0 += 1;
            state.checks.1 += usize::from(answer.meets(expected));
        }
        match (project.is_adjudicator(person), answer) {
            (true, Answer::Skip) => (),
            (true, _) => self.decided[item] = true,
            (false, Answer::Skip) => self.skipped[item] += 1,
            (false, _) => {
                self.votes[item] += 1;
                self.said[item].push(answer);
            }
        }
    }

    /// The item that somebody is to be asked next, after those in `also` too.
    pub fn next(&self, project: &Project, person: usize, also: &[usize]) -> Option<usize> {
        let state = &self.raters[person];
        let unseen = |item: &usize| !state.answered.contains(item) && !also.contains(item);
        let name = project.people().nth(person)?;
        let rank = |item: usize| draw(project.seed, &["order", name, &project.items[item].key]);
        let all = 0..project.items.len();
        if project.is_adjudicator(person) {
            let open = all.filter(|&item| self.is_divided(project, item)).filter(unseen);
            return open.min_by_key(|&item| rank(item));
        }
        let others_open = |item: usize| {
            let others = self.raters.iter().enumerate().filter(|(other, _)| *other != person);
            others.filter(|(_, state)| state.open == Some(item)).count()
        };
        let ordinary = all
            .clone()
            .filter(|&item| project.items[item].is_ordinary() && self.votes[item] < project.votes)
            .filter(unseen)
            .min_by_key(|&item| (self.votes[item] + others_open(item), rank(item)));
        ordinary?;
        let asked = state.answered.len() + also.len();
        let (run, place) = (asked / project.check_every, asked % project.check_every);
        let drawn = draw(project.seed, &["check", name, &run.to_string()]);
        if drawn % project.check_every as u64 == place as u64 {
            let checks = all.filter(|&item| project.items[item].is_check()).filter(unseen);
            if let Some(check) = checks.min_by_key(|&item| rank(item)) {
                return Some(check);
            }
        }
        self.repetition(project, person, name, also).or(ordinary)
    }

    /// Items that can be asked together with one, in the order in which they would come: other candidates of the
    /// same seed that lack votes. None for whoever decides, and beside checks and repetitions, which must not
    /// be told from others by being alone: there are lone candidates as well.
    pub fn beside(&self, project: &Project, person: usize, item: usize) -> Vec<usize> {
        let of = |item: usize| &project.items[item];
        let Some(name) = project.people().nth(person) else { return Vec::new() };
        let together = project.task == Task::Similarity && of(item).is_ordinary();
        if !together || project.is_adjudicator(person) {
            return Vec::new();
        }
        let answered = &self.raters[person].answered;
        let mut others: Vec<usize> = (0..project.items.len())
            .filter(|&other| other != item && of(other).is_ordinary())
            .filter(|&other| of(other).question.reference == of(item).question.reference)
            .filter(|&other| self.votes[other] < project.votes && !answered.contains(&other))
            .collect();
        others.sort_by_key(|&other| draw(project.seed, &["order", name, &of(other).key]));
        others.truncate(TOGETHER - 1);
        others
    }

    /// A pair that is due to be asked again.
    fn repetition(
        &self,
        project: &Project,
        person: usize,
        name: &str,
        also: &[usize],
    ) -> Option<usize> {
        let every = project.repeat_every;
        if every == 0 {
            return None;
        }
        let history = self.raters[person].history.iter().map(|(_, item)| item);
        let asked: Vec<usize> = history.chain(also).copied().collect();
        let (run, place) = (asked.len() / every, asked.len() % every);
        let is_repetition = |item: &usize| project.items[*item].repeats.is_some();
        let drawn = draw(project.seed, &["repeat", name, &run.to_string()]);
        if drawn % every as u64 > place as u64 || asked[run * every..].iter().any(is_repetition) {
            return None;
        }
        let known = &asked[..asked.len().saturating_sub(LEAST_GAP)];
        let due = project.items.iter().enumerate().filter(|(item, copy)| {
            copy.repeats.is_some_and(|first| known.contains(&first)) && !asked.contains(item)
        });
        due.min_by_key(|(_, copy)| draw(project.seed, &["again", name, &copy.key]))
            .map(|(item, _)| item)
    }

    /// Whether all answers to an item are in, not all alike, and nobody has decided.
    pub fn is_divided(&self, project: &Project, item: usize) -> bool {
        let wanted = project.votes.min(project.raters.len().saturating_sub(self.skipped[item]));
        let said = &self.said[item];
        project.items[item].is_ordinary()
            && !self.decided[item]
            && self.votes[item] >= wanted
            && said.iter().any(|answer| *answer != said[0])
    }

    /// How often each answer was given to an item.
    pub fn said(&self, item: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for answer in &self.said[item] {
            *counts.entry(answer.to_string()).or_default() += 1;
        }
        counts
    }

    /// How many items wait for an adjudicator.
    pub fn divided(&self, project: &Project) -> usize {
        (0..project.items.len()).filter(|&item| self.is_divided(project, item)).count()
    }

    /// Whether the second picture of an item is shown on the left, or first.
    ///
    /// What is asked a second time has its sides exchanged, so that who always takes one side shows.
    pub fn is_swapped(project: &Project, rater: usize, item: usize) -> bool {
        let (first, again) = match project.items[item].repeats {
            Some(first) => (first, true),
            None => (item, false),
        };
        let drawn = draw(project.seed, &["side", &project.items[first].key]);
        ((drawn & 1 == 1) != (rater % 2 == 1)) != again
    }

    /// Votes that count towards what is wanted, and how many are wanted.
    pub fn progress(&self, project: &Project) -> (usize, usize) {
        let ordinary = project.items.iter().zip(&self.votes).filter(|(item, _)| item.is_ordinary());
        ordinary.fold((0, 0), |(votes, wanted), (_, &count)| {
            (votes + count.min(project.votes), wanted + project.votes)
        })
    }

    /// How many ordinary questions there are for somebody still.
    pub fn left(&self, project: &Project, person: usize) -> usize {
        let answered = &self.raters[person].answered;
        let is_open = |item: usize| match project.is_adjudicator(person) {
            true => self.is_divided(project, item),
            false => project.items[item].is_ordinary() && self.votes[item] < project.votes,
        };
        (0..project.items.len()).filter(|item| is_open(*item) && !answered.contains(item)).count()
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
                    plan.add(project, rater, item, 0, Answer::Left);
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

    fn similarity(pairs: usize, more: &str) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..pairs).map(|pair| format!("s,c{pair}\n")).collect();
        std::fs::write(folder.path().join("items.csv"), format!("reference,candidate\n{rows}"))
            .unwrap();
        let toml = format!("task = 'similarity'\nitems = 'items.csv'\n{more}");
        Project::parse(toml.as_bytes(), folder.path()).unwrap()
    }

    #[test]
    fn each_run_repeats_a_pair_that_was_answered_a_while_ago() {
        let project = similarity(40, "raters = 2\nrepeat_every = 8");
        let (plan, asked) = run(&project);
        assert_eq!(plan.progress(&project), (80, 80));
        for items in &asked {
            let mut copies = 0;
            for (place, &item) in items.iter().enumerate() {
                let Some(first) = project.items[item].repeats else { continue };
                copies += 1;
                let before = items.iter().position(|&other| other == first).unwrap();
                assert!(before + LEAST_GAP <= place, "{items:?}");
            }
            assert!((4..=7).contains(&copies), "{copies} of {items:?}");
        }
        assert_ne!(asked[0], asked[1]);
    }

    #[test]
    fn forced_choices_are_asked_again_with_their_sides_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..30).map(|at| format!("r{at},a{at},b{at}\n")).collect();
        std::fs::write(folder.path().join("items.csv"), format!("reference,left,right\n{rows}"))
            .unwrap();
        let toml = b"task = '2afc'\nitems = 'items.csv'\nraters = 3\nrepeat_every = 6\n";
        let project = Project::parse(toml, folder.path()).unwrap();
        let (plan, asked) = run(&project);
        assert_eq!(plan.progress(&project), (90, 90));
        for (rater, items) in asked.iter().enumerate() {
            let copies =
                items.iter().filter_map(|&item| Some((item, project.items[item].repeats?)));
            let copies: Vec<(usize, usize)> = copies.collect();
            assert!(copies.len() >= 3, "{items:?}");
            for (copy, first) in copies {
                let [again, before] =
                    [copy, first].map(|item| Plan::is_swapped(&project, rater, item));
                assert_ne!(again, before);
            }
        }
    }

    #[test]
    fn what_raters_are_divided_on_is_decided_by_another() {
        let project = similarity(4, "raters = ['a', 'b', 'c']\nadjudicators = ['z']");
        let mut plan = Plan::new(&project, &[]);
        let answers = [
            [Answer::Score(1), Answer::Score(1), Answer::Score(1)],
            [Answer::Score(1), Answer::Score(0), Answer::Score(1)],
            [Answer::Score(1), Answer::Unsure, Answer::Skip],
            [Answer::Skip, Answer::Skip, Answer::Score(1)],
        ];
        assert_eq!(plan.next(&project, 3, &[]), None);
        for (item, answers) in answers.into_iter().enumerate() {
            for (rater, answer) in answers.into_iter().enumerate() {
                assert!(!plan.is_divided(&project, item));
                plan.add(&project, rater, item, 0, answer);
            }
        }
        assert_eq!((plan.divided(&project), plan.left(&project, 3)), (2, 2));
        assert_eq!(plan.said(1), [("0".to_owned(), 1), ("1".to_owned(), 2)].into());
        let first = plan.next(&project, 3, &[]).unwrap();
        assert!(first == 1 || first == 2);
        plan.add(&project, 3, first, 0, Answer::Score(0));
        let second = plan.next(&project, 3, &[]).unwrap();
        assert_eq!(first + second, 3);
        plan.add(&project, 3, second, 0, Answer::Skip);
        assert_eq!((plan.next(&project, 3, &[]), plan.divided(&project)), (None, 1));
        assert!(plan.votes.iter().all(|&votes| votes < 4));
    }

    #[test]
    fn open_candidates_of_a_seed_come_together() {
        let project = similarity(20, "raters = ['a', 'b']\nadjudicators = ['z']\nrepeat_every = 4");
        let mut plan = Plan::new(&project, &[]);
        let first = plan.next(&project, 0, &[]).unwrap();
        let beside = plan.beside(&project, 0, first);
        assert_eq!(beside.len(), TOGETHER - 1);
        // The order is that in which they would have come.
        assert_eq!(plan.next(&project, 0, &[first]), Some(beside[0]));
        assert!(beside.iter().all(|&item| project.items[item].is_ordinary() && item != first));
        assert_ne!(plan.beside(&project, 1, first), beside);
        for &item in [first].iter().chain(&beside) {
            plan.add(&project, 0, item, 0, Answer::Score(0));
        }
        let next = (0..20).find(|item| !beside.contains(item) && *item != first).unwrap();
        assert_eq!(plan.beside(&project, 0, next).len(), 7);
        let repetition = project.items.iter().position(|item| item.repeats.is_some()).unwrap();
        assert!(plan.beside(&project, 0, repetition).is_empty());
        assert!(plan.beside(&project, 2, first).is_empty(), "who decides sees one at a time");
    }
}
