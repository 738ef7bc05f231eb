//! What people said of pairs of pictures, and the labels that come of it.
//!
//! A file of votes is CSV with the columns `seed,candidate,rater,value`, others being kept aside. A value is a
//! grade from 0 (not similar; 1 is similar, more where there are grades) or one of `unsure`, `bad` (a picture
//! cannot be judged) and `skip`, which do not count. Rows are only ever added: a rater's first vote on a pair
//! counts, and a later one says how steady the rater is. A column `adjudicates`, where there is one, has a 1 in the
//! votes of whoever was asked because others were divided: such a vote is the label of the pair, and has no part in
//! agreement, as it came with knowledge of the others.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use crate::agreement::{Unit, dawid_skene};
use crate::error::{malformed, unreadable};
use crate::evaluation::files::Tag;
use crate::{Error, Result, tables};

/// Answers that are no grade.
pub const UNDECIDED: [&str; 3] = ["unsure", "bad", "skip"];

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The path of the seed.
    pub seed: String,
    /// The path of the candidate.
    pub candidate: String,
    /// Who gave it.
    pub rater: String,
    /// The grade; `Err` with one of [`UNDECIDED`].
    pub value: Result<u8, String>,
    /// Whether it settles what others were divided on.
    pub adjudicates: bool,
}

/// A pair of pictures and what everybody said of it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedPair {
    /// The path of the seed.
    pub seed: String,
    /// The path of the candidate.
    pub candidate: String,
    /// The number of the seed.
    pub group: usize,
    /// One place per rater.
    pub votes: Unit,
}

/// A set of votes.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    raters: Vec<String>,
    pairs: Vec<JudgedPair>,
    repeats: Vec<(usize, bool)>,
    /// What was decided on pairs, by their numbers.
    decided: BTreeMap<usize, u8>,
    undecided: BTreeMap<String, usize>,
}

/// How votes become a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The grade that most gave; where two were given as often there is no label.
    Majority,
    /// The likeliest by [`dawid_skene`].
    DawidSkene,
}

/// Labels, and pairs that have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The labels.
    pub tags: Vec<Tag>,
    /// Pairs whose votes are divided: seed and candidate.
    pub divided: Vec<[String; 2]>,
    /// Pairs with too few votes.
    pub too_few: usize,
}

impl Votes {
    /// Takes votes in the order in which they were given.
    pub fn new(votes: impl IntoIterator<Item = Vote>) -> Self {
        let mut all = Self::default();
        let (mut raters, mut pairs, mut seeds) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut decisions = Vec::new();
        for vote in votes {
            if vote.adjudicates {
                decisions.push(vote);
                continue;
            }
            let grade = match vote.value {
                Ok(grade) => grade,
                Err(said) => {
                    *all.undecided.entry(said).or_default() += 1;
                    continue;
                }
            };
            let rater = *raters.entry(vote.rater.clone()).or_insert_with(|| {
                all.raters.push(vote.rater.clone());
                all.raters.len() - 1
            });
            let next = seeds.len();
            let group = *seeds.entry(vote.seed.clone()).or_insert(next);
            let key = (vote.seed.clone(), vote.candidate.clone());
            let pair = *pairs.entry(key).or_insert_with(|| {
                let votes = Vec::new();
                let Vote { seed, candidate, .. } = vote;
                all.pairs.push(JudgedPair { seed, candidate, group, votes });
                all.pairs.len() - 1
            });
            let votes = &mut all.pairs[pair].votes;
            if votes.len() <= rater {
                votes.resize(rater + 1, None);
            }
            match votes[rater] {
                None => votes[rater] = Some(grade),
                Some(before) => all.repeats.push((rater, before == grade)),
            }
        }
        for Vote { seed, candidate, value, .. } in decisions {
            // What nobody else judged is no pair to decide on.
            if let (Some(&pair), Ok(grade)) = (pairs.get(&(seed, candidate)), value) {
                all.decided.entry(pair).or_insert(grade);
            }
        }
        let count = all.raters.len();
        all.pairs.iter_mut().for_each(|pair| pair.votes.resize(count, None));
        all
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Malformed`] with the line.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::new(read_votes(path)?))
    }

    /// Names of the raters, in the order in which they first appear.
    pub fn raters(&self) -> &[String] {
        &self.raters
    }

    /// Pairs with a vote that counts, in the order in which they first appear.
    pub fn units(&self) -> &[JudgedPair] {
        &self.pairs
    }

    /// For every vote on a pair that the rater had judged before: who, and whether it is the same.
    pub fn repeats(&self) -> &[(usize, bool)] {
        &self.repeats
    }

    /// How often each answer was given that is no grade.
    pub fn undecided(&self) -> BTreeMap<String, usize> {
        self.undecided.clone()
    }

    /// Pairs on which somebody decided because others were divided.
    pub fn decided(&self) -> usize {
        self.decided.len()
    }

    /// The labels of pairs with at least `least` votes; where somebody decided, that is the label.
    pub fn settle(&self, how: Settlement, least: usize) -> Settled {
        let mut settled = Settled::default();
        let table: Vec<Unit> = self.pairs.iter().map(|pair| pair.votes.clone()).collect();
        let consensus = match how {
            Settlement::DawidSkene => dawid_skene::consensus(&table),
            Settlement::Majority => None,
        };
        for (number, pair) in self.pairs.iter().enumerate() {
            let key = [pair.seed.clone(), pair.candidate.clone()];
            if let Some(&value) = self.decided.get(&number) {
                settled.tags.push(Tag { key, value });
                continue;
            }
            if pair.votes.iter().flatten().count() < least {
                settled.too_few += 1;
                continue;
            }
            let grade = match &consensus {
                Some(found) => found.grade(number).map(|(grade, _)| grade),
                None => majority(&pair.votes),
            };
            match grade {
                Some(value) => settled.tags.push(Tag { key, value }),
                None => settled.divided.push(key),
            }
        }
        settled
    }
}

fn majority(votes: &Unit) -> Option<u8> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    votes.iter().flatten().for_each(|&grade| *counts.entry(grade).or_default() += 1);
    let most = counts.values().copied().max()?;
    let mut first = counts.iter().filter(|one| *one.1 == most);
    first.next().filter(|_| first.next().is_none()).map(|(&grade, _)| grade)
}

/// Reads the votes of a file: CSV, or the same in Parquet.
///
/// # Errors
/// [`Error::Read`]; [`Error::Malformed`] with the line.
pub fn read_votes(path: &Path) -> Result<Vec<Vote>> {
    let bytes = match tables::is_parquet(path) {
        true => tables::of_parquet(path, "csv")?,
        false => std::fs::read(path).map_err(unreadable(path))?,
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&bytes[..]);
    let header = reader.headers().map_err(|error| malformed(path, error))?.clone();
    let column = |name: &str| {
        header.iter().position(|column| column == name).ok_or_else(|| {
            let found = header.iter().collect::<Vec<_>>().join(",");
            malformed(
                path,
                format!("expected the columns seed,candidate,rater,value; found {found}"),
            )
        })
    };
    let columns = [column("seed")?, column("candidate")?, column("rater")?, column("value")?];
    let adjudicates = header.iter().position(|column| column == "adjudicates");
    let mut votes = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(path, error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |index: usize| record.get(columns[index]).unwrap_or_default().to_owned();
        let text = cell(3);
        let value = match text.parse::<u8>() {
            Ok(grade) => Ok(grade),
            Err(_) if UNDECIDED.contains(&text.as_str()) => Err(text),
            Err(_) => {
                let known = UNDECIDED.join(", ");
                let reason =
                    format!("line {line}: expected a grade from 0 to 255, {known}; found '{text}'");
                return Err(malformed(path, reason));
            }
        };
        let [seed, candidate, rater] = [cell(0), cell(1), cell(2)];
        if [&seed, &candidate, &rater].iter().any(|cell| cell.is_empty()) {
            return Err(malformed(
                path,
                format!("line {line}: a seed, candidate or rater is empty"),
            ));
        }
        let adjudicates = match adjudicates.and_then(|column| record.get(column)) {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(other) => {
                let reason = format!("line {line}: expected adjudicates 0 or 1, found '{other}'");
                return Err(malformed(path, reason));
            }
        };
        votes.push(Vote { seed, candidate, rater, value, adjudicates });
    }
    Ok(votes)
}

/// Writes votes; the column `adjudicates` is there where a vote does.
///
/// # Errors
/// [`Error::Request`] with what the writer says.
pub fn write_votes(votes: &[Vote], to: impl Write) -> Result<()> {
    let failed = |error: csv::Error| Error::Request(format!("cannot write votes: {error}"));
    let mut writer = csv::Writer::from_writer(to);
    let columns = ["seed", "candidate", "rater", "value", "adjudicates"];
    let count = if votes.iter().any(|vote| vote.adjudicates) { 5 } else { 4 };
    writer.write_record(&columns[..count]).map_err(failed)?;
    for Vote { seed, candidate, rater, value, adjudicates } in votes {
        let value = value.as_ref().map_or_else(String::clone, u8::to_string);
        let adjudicates = u8::from(*adjudicates).to_string();
        let row = [seed, candidate, rater, &value, &adjudicates];
        writer.write_record(&row[..count]).map_err(failed)?;
    }
    writer.flush().map_err(|error| Error::Request(format!("cannot write votes: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Votes> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Votes::read(file.path())
    }

    #[test]
    fn first_votes_count_and_later_ones_say_how_steady_a_rater_is() {
        let votes = read(
            "candidate,seed,rater,value,ms\nb,a,x,1,900\nb,a,y,0,\nb,a,x,0,\nb,a,x,1,\nc,a,y,unsure,\nd,e,y,2,\n",
        )
        .unwrap();
        assert_eq!(votes.raters(), ["x", "y"]);
        assert_eq!(votes.units().len(), 2);
        assert_eq!(votes.units()[0].votes, [Some(1), Some(0)]);
        assert_eq!(votes.units()[1].votes, [None, Some(2)]);
        assert_eq!(votes.repeats(), [(0, false), (0, true)]);
        assert_eq!(votes.undecided()["unsure"], 1);
        let settled = votes.settle(Settlement::Majority, 1);
        assert_eq!((settled.tags.len(), settled.divided.len()), (1, 1));
        assert_eq!(votes.settle(Settlement::Majority, 2).too_few, 1);
        assert_eq!(votes.settle(Settlement::DawidSkene, 1).tags.len(), 2);
    }

    #[test]
    fn decisions_settle_what_is_divided_and_nothing_else() {
        let votes = read(
            "seed,candidate,rater,value,adjudicates\na,b,x,1,\na,b,y,0,0\na,c,x,1,0\na,c,y,1,0\n\
             a,b,z,0,1\na,d,z,1,1\n",
        )
        .unwrap();
        assert_eq!((votes.raters(), votes.decided()), (&["x".to_owned(), "y".into()][..], 1));
        let settled = votes.settle(Settlement::Majority, 2);
        let labels: Vec<_> =
            settled.tags.iter().map(|tag| (tag.key[1].as_str(), tag.value)).collect();
        assert_eq!((labels, settled.divided.len()), (vec![("b", 0), ("c", 1)], 0));
    }

    #[test]
    fn what_is_no_vote_is_refused_with_its_line() {
        for (text, expected) in [
            ("seed,candidate,value\n", "expected the columns"),
            ("seed,candidate,rater,value\na,b,x,yes\n", "line 2"),
            ("seed,candidate,rater,value\na,b,x,1\na,,x,1\n", "line 3"),
            ("seed,candidate,rater,value,adjudicates\na,b,x,1,yes\n", "adjudicates"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn votes_survive_a_file() {
        let vote = |value: Result<u8, String>| Vote {
            seed: "a, \"b\"".into(),
            candidate: "c\nd".into(),
            rater: "x".into(),
            value,
            adjudicates: false,
        };
        let votes = [vote(Ok(3)), vote(Err("bad".into()))];
        let file = tempfile::NamedTempFile::new().unwrap();
        write_votes(&votes, file.as_file()).unwrap();
        assert_eq!(read_votes(file.path()).unwrap(), votes);
        let decided = [Vote { adjudicates: true, ..votes[0].clone() }, votes[1].clone()];
        let file = tempfile::NamedTempFile::new().unwrap();
        write_votes(&decided, file.as_file()).unwrap();
        assert_eq!(read_votes(file.path()).unwrap(), decided);
    }
}
