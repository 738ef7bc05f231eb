//! `lookalike study preference`: what people answered to a study of `study losses`, or to any project of forced
//! choices whose subsets are called "A or B", with A's pictures on the left.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike::judge::preference::{Choice, preference, strengths};
use lookalike::judge::statistics::bootstrap::Interval;
use lookalike_studio::export::checks;
use lookalike_studio::{Project, ProjectItem, Store, Vote};
use serde::Serialize;

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct PreferenceArgs {
    /// The folder of the project that people answered
    #[arg(value_name = "PROJECT")]
    project: PathBuf,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    pairs: Vec<Pair>,
    /// By Bradley and Terry, the mean logarithm being 0; of three or more.
    strengths: BTreeMap<String, f64>,
    /// Everybody who missed an attention check: nobody is left out in silence, nor left out.
    missed_checks: Vec<Missed>,
    /// How steady people are about what they were asked twice, with sides exchanged.
    steadiness: Vec<Steadiness>,
}

#[derive(Debug, Serialize)]
struct Pair {
    first: String,
    second: String,
    answers: usize,
    people: usize,
    /// The share of the answers that prefer the first.
    share: f64,
    /// As if answers were independent.
    wilson: [f64; 2],
    /// With people and pictures drawn anew.
    ci: Option<[f64; 2]>,
    /// Pictures whose majority prefers the first, the second, neither.
    pictures: [usize; 3],
    p_pictures: f64,
    p_people: f64,
}

#[derive(Debug, Serialize)]
struct Steadiness {
    person: String,
    /// Questions asked twice.
    asked_twice: usize,
    /// Those with the same answer.
    same: usize,
}

#[derive(Debug, Serialize)]
struct Missed {
    person: String,
    met: usize,
    checks: usize,
}

/// Runs the command.
pub(crate) fn run(args: &PreferenceArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike study preference is written as text or json; use --format text or json");
    }
    let project = Project::read(&args.project)?;
    let votes = Store::read_only(&project)?.votes()?;
    let mut choices: BTreeMap<(String, String), Vec<Choice>> = BTreeMap::new();
    for vote in votes.iter().filter(|vote| !vote.undone) {
        let item = project.items.iter().find(|item| item.key == vote.item && item.is_ordinary());
        let Some(item) = item else { continue };
        let pair = item.question.subset.as_deref().and_then(|subset| subset.split_once(" or "));
        let person = project.raters.iter().position(|rater| *rater == vote.rater);
        let (Some((first, second)), Some(person)) = (pair, person) else { continue };
        // One reference is one picture, whatever pair of makers is asked about.
        let reference = |other: &ProjectItem| other.question.reference == item.question.reference;
        let picture = project.items.iter().position(reference).unwrap_or(0);
        choices.entry((first.to_owned(), second.to_owned())).or_default().push(Choice {
            person,
            picture,
            first: vote.answer == "left",
        });
    }
    if choices.is_empty() {
        bail!(
            "{}: expected answers about items whose subset is called 'A or B', found none; `lookalike judge collect` asks \
             people",
            args.project.display()
        );
    }
    let mut names: Vec<String> = choices.keys().flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    names.sort();
    names.dedup();
    let mut wins = vec![vec![0.0; names.len()]; names.len()];
    let mut pairs = Vec::new();
    for ((first, second), choices) in &choices {
        let found = preference(choices, global.seed)?;
        let place = |name: &String| names.iter().position(|known| known == name).unwrap_or(0);
        let (a, b) = (place(first), place(second));
        wins[a][b] += found.answers[1] as f64;
        wins[b][a] += (found.answers[0] - found.answers[1]) as f64;
        let ends = |interval: Interval| [interval.low, interval.high];
        pairs.push(Pair {
            first: first.clone(),
            second: second.clone(),
            answers: found.answers[0],
            people: found.people,
            share: found.share,
            wilson: ends(found.wilson),
            ci: found.clustered.map(ends),
            pictures: found.pictures,
            p_pictures: found.p_pictures,
            p_people: found.p_people,
        });
    }
    let strengths = match names.len() {
        0..=2 => BTreeMap::new(),
        _ => names.into_iter().zip(strengths(&wins)?).collect(),
    };
    let missed_checks = checks(&project, &votes)
        .into_iter()
        .filter(|one| one.met < one.checks)
        .map(|one| Missed { person: one.rater, met: one.met, checks: one.checks })
        .collect();
    let schema = "lookalike.study-preference/1";
    let steadiness = steadiness(&project, &votes);
    write(&Report { schema, pairs, strengths, missed_checks, steadiness }, global)?;
    Ok(Status::Passed)
}

/// Of everybody who was asked something twice.
fn steadiness(project: &Project, votes: &[Vote]) -> Vec<Steadiness> {
    let mut answers = BTreeMap::new();
    for vote in votes.iter().filter(|vote| !vote.undone) {
        answers.insert((vote.rater.as_str(), vote.item.as_str()), vote.answer.as_str());
    }
    let of = |person: &String| {
        let answer = |item: &ProjectItem| {
            answers.get(&(person.as_str(), item.key.as_str())).map(|&answer| answer.to_owned())
        };
        let copies = project
            .items
            .iter()
            .filter_map(|copy| Some((answer(copy)?, answer(&project.items[copy.repeats?])?)));
        let (mut asked_twice, mut same) = (0, 0);
        for (again, first) in copies {
            asked_twice += 1;
            same += usize::from(again == first);
        }
        let person = person.clone();
        (asked_twice > 0).then_some(Steadiness { person, asked_twice, same })
    };
    project.raters.iter().filter_map(of).collect()
}

fn write(report: &Report, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut output = Output::open(global)?;
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut output, report)?;
        writeln!(output)?;
        return output.finish();
    }
    for pair in &report.pairs {
        let Pair { first, second, answers, people, share, wilson, pictures, .. } = pair;
        writeln!(output, "{first} over {second}: {:.1} % of {answers} answers", 100.0 * share)?;
        let ends = |[low, high]: [f64; 2]| format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high);
        if let Some(ci) = pair.ci {
            writeln!(output, "  95 % interval, people and pictures drawn anew: {}", ends(ci))?;
        }
        writeln!(output, "  95 % interval, as if answers were independent: {}", ends(*wilson))?;
        let [won, lost, even] = pictures;
        writeln!(
            output,
            "  pictures: {won} for {first}, {lost} for {second}, {even} even; p {:.4} (binomial)",
            pair.p_pictures
        )?;
        writeln!(output, "  people: {people}; p {:.4} (signed ranks)", pair.p_people)?;
    }
    for (name, strength) in &report.strengths {
        writeln!(output, "strength of {name}: {strength:.3}")?;
    }
    for one in &report.steadiness {
        let Steadiness { person, asked_twice, same } = one;
        writeln!(output, "{person} answered {same} of {asked_twice} questions again as before")?;
    }
    for one in &report.missed_checks {
        writeln!(output, "{} met {} of {} attention checks", one.person, one.met, one.checks)?;
    }
    output.finish()
}
