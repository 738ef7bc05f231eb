//! Pages of a web shop as a browser would render them, drawn from a number; and what may happen to
//! them between two renderings.

use font8x8::UnicodeFonts;
use lookalike::{Channels, Picture};

/// Size of a page.
pub(crate) const PAGE: (usize, usize) = (320, 300);

/// What a new rendering did to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The very same pixels.
    Nothing,
    /// One in ten pixels is off by one code in each channel, as another rasteriser rounds.
    Rounding,
    /// Pixels at edges are off by up to two codes, as another antialiasing blends.
    Antialiasing,
    /// The small button of the first card is gone.
    ButtonRemoved,
    /// The small button of the first card stands one pixel further right.
    ButtonShifted,
    /// The large button has a slightly other blue.
    ColourChanged,
}

const WHITE: [u8; 3] = [255, 255, 255];
const GROUND: [u8; 3] = [243, 244, 246];
const INK: [u8; 3] = [31, 41, 55];
const MUTED: [u8; 3] = [107, 114, 128];
const LINE: [u8; 3] = [209, 213, 219];
const BRAND: [u8; 3] = [37, 99, 235];
/// About 2 from the brand's blue by CIEDE2000.
const OTHER_BRAND: [u8; 3] = [45, 105, 229];

const WORDS: [&str; 12] = [
    "linen", "lamp", "oak", "table", "round", "mirror", "wool", "basket", "chair", "small", "clay",
    "vase",
];

/// Draws page `number` after a change.
pub(crate) fn page(number: u64, change: Change) -> Picture {
    let mut page = Page { pixels: vec![GROUND; PAGE.0 * PAGE.1], state: number * 2 + 1 };
    page.fill((0, 0, 320, 28), INK);
    page.text(10, 10, "shop", WHITE);
    page.text(250, 10, &format!("no. {number}"), LINE);
    let title = page.words(3);
    page.text(12, 38, &title, INK);
    for card in 0..3 {
        page.card(12 + card * 102, change, card == 0);
    }
    let blue = if change == Change::ColourChanged { OTHER_BRAND } else { BRAND };
    page.fill((200, 212, 108, 20), blue);
    page.text(226, 218, "check out", WHITE);
    page.fill((0, 246, 320, 54), WHITE);
    for line in 0..3 {
        let text = page.words(6);
        page.text(12, 254 + line * 14, &text, MUTED);
    }
    page.blur();
    match change {
        Change::Rounding => page.round_otherwise(),
        Change::Antialiasing => page.blend_otherwise(),
        _ => {}
    }
    let samples = page.pixels.into_flattened();
    Picture::from_u8(PAGE.0, PAGE.1, Channels::Rgb, samples).unwrap()
}

struct Page {
    pixels: Vec<[u8; 3]>,
    state: u64,
}

impl Page {
    /// A number below `count` that depends on all that was drawn before.
    fn random(&mut self, count: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.state >> 33) % count
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> =
            (0..count).map(|_| WORDS[self.random(WORDS.len() as u64) as usize]).collect();
        words.join(" ")
    }

    fn fill(&mut self, (x, y, width, height): (usize, usize, usize, usize), colour: [u8; 3]) {
        for row in y..y + height {
            self.pixels[row * PAGE.0 + x..row * PAGE.0 + x + width].fill(colour);
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str, colour: [u8; 3]) {
        for (index, character) in text.chars().enumerate() {
            for (dy, bits) in font8x8::BASIC_FONTS.get(character).unwrap().iter().enumerate() {
                for dx in (0..8).filter(|dx| bits & (1 << dx) != 0) {
                    let (column, row) = (x + index * 8 + dx, y + dy);
                    if column < PAGE.0 {
                        self.pixels[row * PAGE.0 + column] = colour;
                    }
                }
            }
        }
    }

    fn card(&mut self, x: usize, change: Change, first: bool) {
        self.fill((x, 54, 92, 150), LINE);
        self.fill((x + 1, 55, 90, 148), WHITE);
        let shade = self.random(90) as u8 + 120;
        self.fill((x + 8, 62, 76, 40), [shade, 200 - shade / 3, 180]);
        for line in 0..4 {
            let mut text = self.words(2);
            text.truncate(9);
            self.text(x + 8, 110 + line * 14, &text, if line == 0 { INK } else { MUTED });
        }
        if first && change == Change::ButtonRemoved {
            return;
        }
        let left = x + 8 + usize::from(first && change == Change::ButtonShifted);
        self.fill((left, 183, 32, 12), MUTED);
        self.fill((left + 1, 184, 30, 10), WHITE);
        self.text(left + 4, 185, "buy", INK);
    }

    /// Softens edges a little, as antialiasing does.
    fn blur(&mut self) {
        let sharp = self.pixels.clone();
        for y in 0..PAGE.1 {
            for x in 1..PAGE.0 - 1 {
                let at = y * PAGE.0 + x;
                self.pixels[at] = std::array::from_fn(|channel| {
                    let [a, b, c] = [at - 1, at, at + 1].map(|i| u16::from(sharp[i][channel]));
                    ((a + 6 * b + c + 4) / 8) as u8
                });
            }
        }
    }

    fn round_otherwise(&mut self) {
        for at in 0..self.pixels.len() {
            if self.random(10) == 0 {
                for channel in 0..3 {
                    let up = self.random(2) == 0;
                    let code = &mut self.pixels[at][channel];
                    *code = if up { code.saturating_add(1) } else { code.saturating_sub(1) };
                }
            }
        }
    }

    fn blend_otherwise(&mut self) {
        let before = self.pixels.clone();
        for at in 1..self.pixels.len() - 1 {
            if before[at - 1] != before[at] || before[at + 1] != before[at] {
                let off = self.random(5) as i16 - 2;
                for code in &mut self.pixels[at] {
                    *code = (i16::from(*code) + off).clamp(0, 255) as u8;
                }
            }
        }
    }
}
