//! Items that belong together, usually by their reference.

use std::collections::HashMap;

/// The items of every group, in the order in which labels first appear.
pub(super) fn by_label(labels: &[usize]) -> Vec<Vec<usize>> {
    let mut position = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (item, label) in labels.iter().enumerate() {
        let group = *position.entry(label).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_need_no_order() {
        assert_eq!(by_label(&[9, 2, 9, 2, 5]), [vec![0, 2], vec![1, 3], vec![4]]);
        assert!(by_label(&[]).is_empty());
    }
}
