//! How many groups are worked on side by side, and how many candidates of each.
//!
//! Threads that work on different references share nothing and never wait for each other, but what
//! they finish behind a group that is still at work has to be kept until that group is done. So
//! large groups, in which few threads would fill the room there is, are worked on by several.

use std::ops::Range;

/// Consecutive groups that are worked on in one manner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) groups: Range<usize>,
    /// Groups at a time.
    pub(super) group_jobs: usize,
    /// Candidates of each at a time.
    pub(super) candidate_jobs: usize,
}

/// The stages of groups with so many candidates each, on `jobs` threads, when `room` outcomes may be
/// kept.
pub(super) fn stages(sizes: impl Iterator<Item = usize>, jobs: usize, room: usize) -> Vec<Stage> {
    // As many groups as have room when all but the first are finished.
    let side_by_side = |size: usize| (1 + room / size.max(1)).min(jobs);
    let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
    for (index, size) in sizes.enumerate() {
        let groups = side_by_side(size);
        match runs.last_mut() {
            Some((same, run)) if *same == groups => run.end = index + 1,
            _ => runs.push((groups, index..index + 1)),
        }
    }
    let stage = |(side_by_side, groups): (usize, Range<usize>)| {
        let candidates = jobs.div_ceil(side_by_side.min(groups.len()));
        let group_jobs = jobs / candidates;
        Stage { groups, group_jobs, candidate_jobs: jobs / group_jobs }
    };
    runs.into_iter().map(stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sizes: &[usize], jobs: usize) -> Vec<Stage> {
        stages(sizes.iter().copied(), jobs, 1024)
    }

    fn stage(groups: Range<usize>, group_jobs: usize, candidate_jobs: usize) -> Stage {
        Stage { groups, group_jobs, candidate_jobs }
    }

    #[test]
    fn single_pairs_go_side_by_side_and_large_groups_one_by_one() {
        assert_eq!(of(&[1; 500], 16), [stage(0..500, 16, 1)]);
        assert_eq!(of(&[5000; 3], 16), [stage(0..3, 1, 16)]);
        assert_eq!(of(&[1; 500], 1), [stage(0..500, 1, 1)]);
        assert_eq!(of(&[7], 4), [stage(0..1, 1, 4)]);
        assert!(of(&[], 4).is_empty());
    }

    #[test]
    fn groups_between_share_the_threads() {
        assert_eq!(of(&[1000; 40], 16), [stage(0..40, 2, 8)]);
        assert_eq!(of(&[100; 40], 16), [stage(0..40, 8, 2)]);
        assert_eq!(of(&[5, 5], 16), [stage(0..2, 2, 8)]);
    }

    #[test]
    fn lists_of_both_kinds_go_through_both_stages() {
        let sizes = [vec![1; 50], vec![9000], vec![1; 60]].concat();
        let expected = [stage(0..50, 4, 1), stage(50..51, 1, 4), stage(51..111, 4, 1)];
        assert_eq!(of(&sizes, 4), expected);
    }

    #[test]
    fn never_more_pairs_than_threads_and_no_stage_without_threads() {
        for jobs in 1..40 {
            for size in [0, 1, 3, 50, 100, 341, 700, 1024, 1025, 100_000] {
                for count in [1, 2, 7, 100] {
                    let stages = of(&vec![size; count], jobs);
                    let [Stage { groups, group_jobs, candidate_jobs }] = &stages[..] else {
                        panic!("{stages:?}")
                    };
                    assert_eq!(*groups, 0..count);
                    assert!(*group_jobs >= 1 && *candidate_jobs >= 1);
                    assert!(group_jobs * candidate_jobs <= jobs);
                    assert!(2 * group_jobs * candidate_jobs > jobs);
                }
            }
        }
    }
}
