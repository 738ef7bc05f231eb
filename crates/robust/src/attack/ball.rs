//! Where an attack may go.

/// How the length of a change is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The root of the sum of squares.
    L2,
    /// The largest of all.
    Linf,
}

/// All planes in 0…1 within a distance of some.
#[derive(Clone, Debug)]
pub struct Ball<'a> {
    /// Its middle.
    pub centre: &'a [f64],
    /// How distance is measured.
    pub norm: Norm,
    /// Its radius.
    pub eps: f64,
}

impl Ball<'_> {
    /// The nearest planes within, up to the order of the two cuts.
    pub fn project(&self, planes: &mut [f64]) {
        let change = || planes.iter().zip(self.centre).map(|(x, c)| x - c);
        let share = match self.norm {
            Norm::Linf => None,
            Norm::L2 => {
                let length = change().map(|d| d * d).sum::<f64>().sqrt();
                (length > self.eps).then(|| self.eps / length)
            }
        };
        for (x, c) in planes.iter_mut().zip(self.centre) {
            let change = match (self.norm, share) {
                (Norm::Linf, _) => (*x - c).clamp(-self.eps, self.eps),
                (Norm::L2, Some(share)) => (*x - c) * share,
                (Norm::L2, None) => *x - c,
            };
            *x = (c + change).clamp(0.0, 1.0);
        }
    }

    /// A step of length 1 in the norm along a gradient; nothing along no gradient.
    pub(super) fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        match self.norm {
            Norm::Linf => {
                gradient.iter().map(|g| if *g == 0.0 { 0.0 } else { g.signum() }).collect()
            }
            Norm::L2 => {
                let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let share = if length > 0.0 { 1.0 / length } else { 0.0 };
                gradient.iter().map(|g| g * share).collect()
            }
        }
    }

    /// How far planes are from the middle.
    pub fn distance(&self, planes: &[f64]) -> f64 {
        let change = planes.iter().zip(self.centre).map(|(x, c)| (x - c).abs());
        match self.norm {
            Norm::L2 => change.map(|d| d * d).sum::<f64>().sqrt(),
            Norm::Linf => change.fold(0.0, f64::max),
        }
    }
}
