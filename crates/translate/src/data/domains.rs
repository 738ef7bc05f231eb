//! What names of folders and endings of stems say: which split a picture belongs to, and which side of a pair it is.

use std::path::Path;

use lookalike_train::sight::Role;

/// Which picture of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The first: A, faces, sources, inputs.
    First,
    /// The second: B, comics, targets, outputs.
    Second,
}

/// Two sets of names that belong together.
pub(super) struct Family {
    /// For messages.
    pub(super) title: &'static str,
    first: &'static [&'static str],
    second: &'static [&'static str],
}

/// Names of the two sides, in lower case.
pub(super) const FAMILIES: [Family; 5] = [
    Family { title: "A and B", first: &["a"], second: &["b"] },
    Family { title: "face and comics", first: &["face", "faces"], second: &["comic", "comics"] },
    Family {
        title: "source and target",
        first: &["source", "sources", "src", "input", "inputs"],
        second: &["target", "targets", "dst", "output", "outputs"],
    },
    Family {
        title: "conditioning_images and images",
        first: &["conditioning_image", "conditioning_images"],
        second: &["image", "images"],
    },
    Family {
        title: "input_image and edited_image",
        first: &["input_image", "input_images"],
        second: &["edited_image", "edited_images"],
    },
];

/// The names of splits, in lower case.
const SPLITS: [(&str, Role); 8] = [
    ("training", Role::Learned),
    ("train", Role::Learned),
    ("validation", Role::Validation),
    ("valid", Role::Validation),
    ("val", Role::Validation),
    ("testing", Role::HeldOut),
    ("test", Role::HeldOut),
    ("held_out", Role::HeldOut),
];

/// What a word says of a split.
pub(super) fn split(word: &str) -> Option<Role> {
    let word = word.to_lowercase();
    SPLITS.into_iter().find(|&(name, _)| name == word).map(|(_, role)| role)
}

/// The usual name of a split's folder.
pub(super) fn split_name(role: Role) -> &'static str {
    match role {
        Role::Learned => "train",
        Role::Validation => "val",
        Role::HeldOut => "test",
    }
}

impl Family {
    /// The side that a whole name means.
    fn side(&self, name: &str) -> Option<Side> {
        match name {
            name if self.first.contains(&name) => Some(Side::First),
            name if self.second.contains(&name) => Some(Side::Second),
            _ => None,
        }
    }

    /// Side, and split where it is said as well (`trainA`, `test_B`), of the name of a folder.
    fn folder(&self, name: &str) -> Option<(Side, Option<Role>)> {
        let name = name.to_lowercase();
        if let Some(side) = self.side(&name) {
            return Some((side, None));
        }
        SPLITS.into_iter().find_map(|(split, role)| {
            let rest = name.strip_prefix(split)?;
            let rest = rest.strip_prefix(['_', '-']).unwrap_or(rest);
            self.side(rest).map(|side| (side, Some(role)))
        })
    }
}

/// Where a picture lies, apart from split and side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// What folders say of its split.
    pub(super) role: Option<Role>,
    /// Which picture of a pair it is, where that is said.
    pub(super) side: Option<Side>,
    /// The other folders and the name without its ending.
    pub(super) stem: String,
}

impl Address {
    /// By folders alone: the side as a family names it, or none.
    pub(super) fn by_folders(path: &Path, family: Option<&Family>) -> Self {
        let (mut role, mut side, mut rest) = (None, None, Vec::new());
        for folder in path.parent().into_iter().flat_map(Path::components) {
            let name = folder.as_os_str().to_string_lossy();
            let said = family.and_then(|family| family.folder(&name));
            if let (None, Some((found, split))) = (side, said) {
                side = Some(found);
                role = role.or(split);
            } else if let (None, Some(found)) = (role, split(&name)) {
                role = Some(found);
            } else {
                rest.push(name.into_owned());
            }
        }
        rest.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        Self { role, side, stem: rest.join("/") }
    }

    /// By the last word of the name: `7_face`, `7_comic`.
    pub(super) fn by_suffix(path: &Path, family: &Family) -> Self {
        let address = Self::by_folders(path, None);
        let found = address.stem.rsplit_once(['_', '-']).and_then(|(rest, word)| {
            let named = !rest.is_empty() && !rest.ends_with('/');
            let side = family.side(&word.to_lowercase()).filter(|_| named)?;
            Some((rest.to_owned(), side))
        });
        match found {
            Some((stem, side)) => Self { side: Some(side), stem, ..address },
            None => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_say_split_and_side_in_any_order() {
        let of = |path: &str| Address::by_folders(Path::new(path), Some(&FAMILIES[0]));
        for path in
            ["trainA/x.jpg", "train_A/x.png", "A/train/x.png", "train/A/x.png", "Train-a/x.bmp"]
        {
            let expected = Address {
                role: Some(Role::Learned),
                side: Some(Side::First),
                stem: "x".to_owned(),
            };
            assert_eq!(of(path), expected, "{path}");
        }
        assert_eq!(of("testB/cats/x.y.png").stem, "cats/x.y");
        assert_eq!(of("testB/cats/x.png").role, Some(Role::HeldOut));
        assert_eq!(of("val/B/x.png").role, Some(Role::Validation));
        assert_eq!(of("cats/x.png").side, None);
        assert_eq!(of("A/B/x.png").stem, "B/x");
    }

    #[test]
    fn suffixes_are_whole_words() {
        let of = |path: &str| Address::by_suffix(Path::new(path), &FAMILIES[1]);
        assert_eq!(
            (of("v1_07_face.png").side, of("v1_07_face.png").stem),
            (Some(Side::First), "v1_07".to_owned())
        );
        assert_eq!(of("test/7-COMIC.png").side, Some(Side::Second));
        assert_eq!(of("test/7-COMIC.png").role, Some(Role::HeldOut));
        assert_eq!(of("7_surface.png").side, None);
        assert_eq!(of("face.png").side, None);
        assert_eq!(of("x/_face.png").side, None);
    }
}
