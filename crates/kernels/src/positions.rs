//! Positions of outputs in the order in which they are computed.

/// Rows and columns of outputs: where their windows begin in a view, and where they stand in what is
/// written.
#[derive(Clone, Copy)]
pub(crate) struct Positions {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) from: usize,
    pub(crate) from_row: usize,
    pub(crate) from_column: usize,
    pub(crate) to: usize,
    pub(crate) to_row: usize,
    pub(crate) to_column: usize,
}

/// Goes through positions row by row.
pub(crate) struct Walk {
    positions: Positions,
    column: usize,
    from: usize,
    to: usize,
}

impl Positions {
    #[inline(always)]
    pub(crate) fn walk(&self) -> Walk {
        Walk { positions: *self, column: 0, from: self.from, to: self.to }
    }
}

impl Walk {
    /// Leaves out positions of a single row whose windows and outputs follow each other.
    #[inline(always)]
    pub(crate) fn skip(&mut self, count: usize) {
        self.from += count;
        self.to += count;
    }

    /// Where the next window begins and where its output stands.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> (usize, usize) {
        let place = (self.from, self.to);
        let all = &self.positions;
        self.column += 1;
        self.from += all.from_column;
        self.to += all.to_column;
        if self.column == all.columns {
            self.column = 0;
            self.from = self.from - all.columns * all.from_column + all.from_row;
            self.to = self.to - all.columns * all.to_column + all.to_row;
        }
        place
    }
}
