use proptest::prelude::*;

use super::*;

fn project(toml: &str, items: &str) -> Result<Project> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("items.csv"), items).unwrap();
    Project::parse(toml.as_bytes(), folder.path())
}

const HEAD: &str = "task = '2afc'\nitems = 'items.csv'\nraters = 3\n";
const ITEMS: &str = "reference,left,right,expected\nr,a,b,\nr,r,b,left\n";

#[test]
fn a_short_file_is_enough() {
    let project = project(HEAD, ITEMS).unwrap();
    assert_eq!(project.raters, ["rater 1", "rater 2", "rater 3"]);
    assert_eq!((project.votes, project.seed, project.check_every), (3, 1, 10));
    assert_eq!(project.timing, Timing { show: 1000, gap: 250 });
    assert_eq!(project.items[0].key, r#"["r","a","b"]"#);
    assert!(!project.items[0].is_check() && project.items[1].is_check());
    assert_eq!(project.conditions(), "task = \"2afc\", seed = 1");
}

#[test]
fn what_is_wrong_is_said() {
    let with = |more: &str| format!("{HEAD}{more}");
    for (toml, items, part) in [
        (String::new(), ITEMS, "task"),
        (with("colour = 1"), ITEMS, "unknown field `colour`"),
        (with("votes = 4"), ITEMS, "'votes' is 4, expected 1 to 3"),
        (with("votes = 0"), ITEMS, "'votes' is 0"),
        (with("check_every = 1"), ITEMS, "'check_every' is 1"),
        (with("zoom = 0"), ITEMS, "'zoom' is 0"),
        (with("[scale]\nlowest = 5\nhighest = 5"), ITEMS, "'scale.highest' is 5, expected 6 to 9"),
        (with("[timing]\nshow = 0"), ITEMS, "'timing.show' is 0"),
        (HEAD.replace('3', "['a', 'a']"), ITEMS, "the rater 'a' is there twice"),
        (HEAD.replace('3', "[' ']"), ITEMS, "no name of a rater"),
        (HEAD.replace('3', "0"), ITEMS, "'raters' are 0"),
        (HEAD.replace('3', "5000"), ITEMS, "'raters' is 5000"),
        (HEAD.replace('3', "true"), ITEMS, "a number of raters or a list"),
        (HEAD.replace("2afc", "3afc"), ITEMS, "2afc"),
        (HEAD.into(), "reference,left,right\nr,a,b\nr,a,b\n", "line 3: the pictures are those of"),
        (HEAD.into(), "reference,left,right,expected\nr,a,b,up\n", "expected left or right"),
        (HEAD.into(), "reference,left,right,expected\nr,a,b,left\n", "nothing to judge"),
        (HEAD.into(), "reference,candidate\nr,a\n", "the column 'candidate' is unknown"),
    ] {
        let message = project(&toml, items).unwrap_err().to_string();
        assert!(message.contains(part), "{toml}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let message = Project::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("--init --items FILE"), "{message}");
}

#[test]
fn answers_meet_what_is_expected() {
    let answer = |text, task| Answer::parse(text, task);
    assert_eq!(answer("left", Task::TwoAlternative), Some(Answer::Left));
    assert_eq!(answer("left", Task::JustNoticeable), None);
    assert_eq!(answer("5", Task::Rating), Some(Answer::Score(5)));
    assert_eq!(answer("55", Task::Rating), None);
    assert!(Answer::Score(4).meets("4-5") && Answer::Score(4).meets("4"));
    assert!(!Answer::Score(3).meets("4-5") && !Answer::Same.meets("different"));
    let items = "reference,candidate,expected\nr,a,\nr,b,5-4\n";
    let message = project(&HEAD.replace("2afc", "rating"), items).unwrap_err().to_string();
    assert!(message.contains("a number from 1 to 5 or a range"), "{message}");
}

proptest! {
    /// Whatever a file says is read or refused.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Project::parse(&bytes, Path::new("nowhere"));
        let _ = project(HEAD, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_answer_and_expectation_are_read_or_refused(text in "\\PC{0,8}") {
        for task in [Task::TwoAlternative, Task::JustNoticeable, Task::Rating] {
            if let Some(answer) = Answer::parse(&text, task) {
                prop_assert!(answer.meets(&answer.to_string()));
            }
            let _ = items::is_expectable(&text, task, &Scale::default());
        }
    }
}

#[test]
fn pairs_of_similarity_may_be_asked_twice_and_decided_on() {
    let head = "task = 'similarity'\nitems = 'items.csv'\nraters = ['anna', 'ben']\n";
    let items = "reference,candidate,expected\nr,a,\nr,b,\nr,c,1\n";
    let more = "repeat_every = 5\nadjudicators = ['carla']\nguidelines = 'Look at the shape.'\n";
    let made = project(&format!("{head}{more}"), items).unwrap();
    assert_eq!((made.scale.lowest, made.scale.highest, made.items.len()), (0, 1, 5));
    let ordinary = made.items.iter().filter(|item| item.is_ordinary()).count();
    assert_eq!((ordinary, made.items[3].repeats, made.items[4].repeats), (2, Some(0), Some(1)));
    assert_eq!(made.items[4].key, r#"["r","b","again"]"#);
    assert!(!made.is_adjudicator(1) && made.is_adjudicator(2));
    assert_eq!(made.conditions(), "task = \"similarity\", seed = 1, lowest = 0, highest = 1");
    for (answer, known) in [("1", true), ("unsure", true), ("skip", true), ("yes", false)] {
        assert_eq!(Answer::parse(answer, Task::Similarity).is_some(), known, "{answer}");
    }
    for (toml, part) in [
        (
            "task = 'jnd'\nitems = 'items.csv'\nraters = 2\nrepeat_every = 5\n".to_owned(),
            "2afc alone",
        ),
        (format!("{HEAD}adjudicators = ['x']"), "similarity alone"),
        (format!("{head}adjudicators = ['ben']"), "there twice"),
        (format!("{head}repeat_every = 1001"), "'repeat_every' is 1001"),
    ] {
        let items = if toml.contains("2afc") { ITEMS } else { items };
        let message = project(&toml, items).unwrap_err().to_string();
        assert!(message.contains(part), "{toml}: {message}");
    }
}
