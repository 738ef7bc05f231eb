//! Lines of one pixel.
//!
//! [`thin`]: of a set of pixels, those are taken away in turns that are on its border and not needed to hold it
//! together. With the eight neighbours p₂…p₉ clockwise from above, B their number and A the number of changes from
//! unset to set on the way around, a pixel goes where 2 ≤ B ≤ 6, A = 1, and in the first half of a turn p₂p₄p₆ = 0
//! and p₄p₆p₈ = 0, in the second p₂p₄p₈ = 0 and p₂p₆p₈ = 0; all of a half at once. What lies outside is unset.
//!
//! Source: Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", CACM 27(3), 1984. Limits, which
//! are the method's: diagonal steps may stay two pixels wide, and a square of 2 × 2 vanishes.

/// Thins what is set to lines, row after row. Rows that are not whole are left alone.
pub fn thin(width: usize, set: &mut [bool]) {
    if width == 0 || !set.len().is_multiple_of(width) {
        return;
    }
    let mut gone = Vec::new();
    loop {
        let mut changed = false;
        for half in [false, true] {
            gone.clear();
            gone.extend((0..set.len()).filter(|&at| set[at] && goes(around(width, set, at), half)));
            gone.iter().for_each(|&at| set[at] = false);
            changed |= !gone.is_empty();
        }
        if !changed {
            return;
        }
    }
}

/// The neighbours of a pixel, clockwise from above.
fn around(width: usize, set: &[bool], at: usize) -> [bool; 8] {
    let (x, y, height) = (at % width, at / width, set.len() / width);
    [(1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1), (0, 0)].map(|(right, down)| {
        // One more than where it is, so that there is no -1.
        let (x, y) = (x + right, y + down);
        let inside = (1..=width).contains(&x) && (1..=height).contains(&y);
        inside && set[(y - 1) * width + x - 1]
    })
}

fn goes(around: [bool; 8], second: bool) -> bool {
    let count = around.iter().filter(|&&set| set).count();
    let changes = (0..8).filter(|&at| !around[at] && around[(at + 1) % 8]).count();
    let [above, _, right, _, below, _, left, _] = around;
    let border = match second {
        false => !(right && below && (above || left)),
        true => !(above && left && (right || below)),
    };
    (2..=6).contains(&count) && changes == 1 && border
}

/// Unsets what hangs together, in eight directions, in fewer than `least` pixels. Rows that are not whole are left
/// alone.
pub fn remove_short(width: usize, set: &mut [bool], least: usize) {
    if width == 0 || !set.len().is_multiple_of(width) {
        return;
    }
    let height = set.len() / width;
    let mut seen = vec![false; set.len()];
    for start in 0..set.len() {
        if !set[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start];
        let mut next = 0;
        while let Some(&at) = component.get(next) {
            next += 1;
            let (x, y) = (at % width, at / width);
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    let beside = y * width + x;
                    if set[beside] && !std::mem::replace(&mut seen[beside], true) {
                        component.push(beside);
                    }
                }
            }
        }
        if component.len() < least {
            component.into_iter().for_each(|at| set[at] = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rows: &[&str]) -> (usize, Vec<bool>) {
        (rows[0].len(), rows.concat().bytes().map(|byte| byte == b'#').collect())
    }

    fn shown(width: usize, set: &[bool]) -> Vec<String> {
        let row = |row: &[bool]| row.iter().map(|&set| if set { '#' } else { '.' }).collect();
        set.chunks(width).map(row).collect()
    }

    #[test]
    fn a_bar_becomes_its_middle_line() {
        let (width, mut bar) =
            set(&["............", ".##########.", ".##########.", ".##########.", "............"]);
        thin(width, &mut bar);
        let rows = shown(width, &bar);
        assert!(rows[2].contains("######"), "{rows:?}");
        assert!(!rows[1].contains('#') && !rows[3].contains('#'), "{rows:?}");
    }

    #[test]
    fn thin_lines_rings_and_borders_stay() {
        for rows in [
            ["#....", ".#...", "..#..", "...#.", "....#"],
            ["#####", "#...#", "#...#", "#...#", "#####"],
            [".....", "#####", ".....", ".....", "....."],
        ] {
            let (width, mut drawn) = set(&rows);
            let before = drawn.clone();
            thin(width, &mut drawn);
            let lost = before.iter().zip(&drawn).filter(|(before, after)| before != after).count();
            // The corners of a square ring may go: it hangs together without them.
            assert!(lost <= 4 && drawn.iter().any(|&set| set), "{:?}", shown(width, &drawn));
        }
    }

    #[test]
    fn what_hangs_together_still_does() {
        // A thick cross stays one component with four ends.
        let (width, mut cross) = set(&[
            "...###...",
            "...###...",
            "...###...",
            "#########",
            "#########",
            "#########",
            "...###...",
            "...###...",
            "...###...",
        ]);
        thin(width, &mut cross);
        let count = cross.iter().filter(|&&set| set).count();
        assert!((9..=21).contains(&count), "{:?}", shown(width, &cross));
        let mut whole = cross.clone();
        remove_short(width, &mut whole, count);
        assert_eq!(whole, cross, "one component");
        remove_short(width, &mut whole, count + 1);
        assert!(!whole.contains(&true));
    }

    #[test]
    fn short_lines_go() {
        let (width, mut drawn) = set(&["##..#", "#...#", "...#.", ".....", "#.###"]);
        remove_short(width, &mut drawn, 3);
        assert_eq!(shown(width, &drawn), ["##..#", "#...#", "...#.", ".....", "..###"]);
        remove_short(width, &mut drawn, 4);
        assert!(!drawn.contains(&true));
        // Nothing is touched in what is no picture.
        let mut odd = [true; 5];
        remove_short(3, &mut odd, 9);
        thin(0, &mut odd);
        assert_eq!(odd, [true; 5]);
    }
}
