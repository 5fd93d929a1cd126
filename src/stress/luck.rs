//! Draws of a run: by seed and by whoever draws, so that a run is the same each time.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(super) struct Luck(u64);

impl Luck {
    pub(super) fn of(seed: u64, who: u64) -> Self {
        let mut luck = Self(seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(who));
        luck.next();
        luck
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Both ends included.
    pub(super) fn within(&mut self, least: u32, most: u32) -> u32 {
        let width = u64::from(most - least) + 1;
        least + (self.next() % width) as u32
    }

    pub(super) fn one_in(&mut self, times: u32) -> bool {
        self.within(1, times) == 1
    }

    pub(super) fn ms(&mut self, least: u32, most: u32) -> Duration {
        Duration::from_millis(self.within(least, most).into())
    }

    /// Lets others run, or not.
    pub(super) async fn shuffle(&mut self) {
        for _ in 0..self.within(0, 3) {
            tokio::task::yield_now().await;
        }
    }
}
