//! What pairs are for: learning, validation, or nothing but a final judgement.
//!
//! Folders `val` and `test` decide where there are any. Elsewhere the SHA-256 of the stem does: with x its first 32
//! bits over 2³², a pair is held out where x < share and validates where x < 2·share. So the split is the same on
//! every machine, for any order of the files and for any layout or nesting of the same data, and adding pairs moves
//! none. Whatever has the content of a stricter pair has the role of that, under any name.

use std::collections::BTreeMap;

use lookalike_train::sha256;
use lookalike_train::sight::Role;

use super::report::Moved;

/// The role of a stem where folders say nothing.
pub(super) fn by_share(stem: &str, share: f64) -> Role {
    let hash = sha256(stem.as_bytes());
    let first = hash.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let place = f64::from(first.unwrap_or(u32::MAX)) / 2.0_f64.powi(32);
    match place {
        _ if place < share => Role::HeldOut,
        _ if place < 2.0 * share => Role::Validation,
        _ => Role::Learned,
    }
}

/// The roles of the pairs of one folder: what folders said, or by stem where none said `val` or `test`.
pub(super) fn decide<'a>(
    said: impl Iterator<Item = (Option<Role>, &'a str)> + Clone,
    share: f64,
) -> Vec<Role> {
    let divides = |role: Option<Role>| role.is_some_and(|role| role != Role::Learned);
    let divided = said.clone().any(|(role, _)| divides(role));
    said.map(|(role, stem)| match role {
        _ if !divided => by_share(stem, share),
        Some(role) => role,
        None => Role::Learned,
    })
    .collect()
}

/// Gives every content one role, the strictest of those it has.
pub(super) fn strictest<C: Ord>(
    names: &[String],
    contents: &[C],
    roles: &mut [Role],
) -> Vec<Moved> {
    let mut strictest: BTreeMap<&C, Role> = BTreeMap::new();
    for (content, &role) in contents.iter().zip(roles.iter()) {
        let found = strictest.entry(content).or_insert(role);
        *found = role.max(*found);
    }
    let mut moved = Vec::new();
    for ((name, content), role) in names.iter().zip(contents).zip(roles) {
        if let Some(&to) = strictest.get(content).filter(|&to| to != role) {
            moved.push(Moved { name: name.clone(), from: *role, to });
            *role = to;
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_decide_where_folders_do_not() {
        let stems: Vec<String> = (0..4000).map(|number| number.to_string()).collect();
        let count = |roles: &[Role], role| roles.iter().filter(|&&found| found == role).count();
        let roles = decide(stems.iter().map(|stem| (Some(Role::Learned), stem.as_str())), 0.1);
        for role in [Role::Validation, Role::HeldOut] {
            assert!((320..=480).contains(&count(&roles, role)), "{}", count(&roles, role));
        }
        // A published split, as it stands.
        let found = ["0", "1", "2", "face/7"].map(|stem| by_share(stem, 0.25));
        assert_eq!(found, [Role::Validation, Role::Validation, Role::Learned, Role::Learned]);
        assert_eq!(by_share("0", 0.0), Role::Learned);
    }

    #[test]
    fn folders_decide_where_they_can() {
        let said = [(Some(Role::Learned), "a"), (None, "b"), (Some(Role::Validation), "c")];
        let roles = decide(said.into_iter(), 0.5);
        assert_eq!(roles, [Role::Learned, Role::Learned, Role::Validation]);
    }

    #[test]
    fn contents_have_one_role() {
        let texts = |texts: [&str; 4]| texts.map(str::to_owned);
        let mut roles = [Role::Learned, Role::HeldOut, Role::Validation, Role::Learned];
        let moved =
            strictest(&texts(["a", "b", "c", "d"]), &texts(["x", "y", "x", "y"]), &mut roles);
        assert_eq!(roles, [Role::Validation, Role::HeldOut, Role::Validation, Role::HeldOut]);
        let names: Vec<&str> = moved.iter().map(|moved| moved.name.as_str()).collect();
        assert_eq!(names, ["a", "d"]);
    }
}
