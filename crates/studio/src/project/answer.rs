//! What people answer, and what an attention check expects.

use super::Task;

/// An answer, in terms of the items' own columns rather than of what was shown where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The left picture of the row is closer.
    Left,
    /// The right picture of the row is closer.
    Right,
    /// Both look the same.
    Same,
    /// Both look different.
    Different,
    /// A value of the scale, or a grade of similarity.
    Score(u8),
    /// Whoever was asked cannot say.
    Unsure,
    /// A picture cannot be judged.
    Bad,
    /// Passed over: no answer, and somebody else may be asked.
    Skip,
}

impl Answer {
    /// Reads an answer to a task.
    pub fn parse(text: &str, task: Task) -> Option<Self> {
        match (task, text) {
            (Task::TwoAlternative, "left") => Some(Self::Left),
            (Task::TwoAlternative, "right") => Some(Self::Right),
            (Task::JustNoticeable, "same") => Some(Self::Same),
            (Task::JustNoticeable, "different") => Some(Self::Different),
            (Task::Rating | Task::Similarity, digit) if digit.len() == 1 => {
                digit.parse().ok().map(Self::Score)
            }
            (Task::Similarity, "unsure") => Some(Self::Unsure),
            (Task::Similarity, "bad") => Some(Self::Bad),
            (Task::Similarity, "skip") => Some(Self::Skip),
            _ => None,
        }
    }

    /// Whether it is what an attention check expects: an answer, or a range of values `a-b`.
    pub fn meets(self, expected: &str) -> bool {
        if let Self::Score(score) = self {
            return range(expected).is_some_and(|(from, to)| (from..=to).contains(&score));
        }
        self.to_string() == expected
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Left => f.write_str("left"),
            Self::Right => f.write_str("right"),
            Self::Same => f.write_str("same"),
            Self::Different => f.write_str("different"),
            Self::Score(score) => write!(f, "{score}"),
            Self::Unsure => f.write_str("unsure"),
            Self::Bad => f.write_str("bad"),
            Self::Skip => f.write_str("skip"),
        }
    }
}

/// `4` or `4-5`.
pub(super) fn range(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some((from, to))
}
