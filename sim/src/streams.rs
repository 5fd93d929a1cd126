//! Keyed random numbers: a draw depends on *what* it is for, never on *when* it is made.
//!
//! A draw's key is (seed, replication, stream, subject, attempt). Seed, replication and stream
//! are hashed once into a [`Stream`]; each draw then costs two multiplicative mixes. So every
//! policy meets the same messages and the same luck (common random numbers), and a run is the
//! same bytes whatever the order of its events or the number of its threads.
//!
//! Deliberately absent: any generator whose state outlives a draw.

use std::convert::Infallible;

use rand_core::TryRng;

/// 2⁶⁴ divided by the golden ratio, odd: the step of `SplitMix64`'s counter (Steele, Lea and
/// Flood 2014, "Fast splittable pseudorandom number generators").
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// A second odd step, for attempts, so that they never fall on a neighbour's counter.
const ATTEMPT_STEP: u64 = 0xd1b5_4a32_d192_ed03;

/// Mixes all bits: the finaliser of `SplitMix64`, Stafford's variant 13.
#[inline]
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// All random numbers of one replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    prefix: u64,
    replication: u32,
}

impl Streams {
    /// The streams of one replication of an experiment.
    #[must_use]
    pub const fn new(seed: u64, replication: u32) -> Self {
        let seeded = mix(seed.wrapping_add(GOLDEN));
        Self {
            prefix: mix(seeded ^ mix((replication as u64).wrapping_add(ATTEMPT_STEP))),
            replication,
        }
    }

    /// Which replication, from 0.
    #[must_use]
    pub const fn replication(self) -> u32 {
        self.replication
    }

    /// The stream called `name`; streams of different names or numbers are independent.
    #[must_use]
    pub fn stream(self, name: &str, number: u64) -> Stream {
        // FNV-1a: enough to tell names apart; mixing does the rest.
        let named = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let numbered = mix(self.prefix ^ mix(named)).wrapping_add(number.wrapping_mul(GOLDEN));
        Stream {
            prefix: mix(numbered),
        }
    }
}

/// One use of randomness in one replication: the gaps of a source, the call times of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    prefix: u64,
}

impl Stream {
    /// The random words for `subject` (a message's [`mixed`](MessageKey::mixed) key, or any
    /// number) at its `attempt`-th trial. The same arguments give the same words, always.
    #[inline]
    #[must_use]
    pub const fn draw(self, subject: u64, attempt: u32) -> KeyedRng {
        let trial = subject.wrapping_add((attempt as u64).wrapping_mul(ATTEMPT_STEP));
        KeyedRng {
            counter: mix(self.prefix ^ trial),
        }
    }
}

/// The words of one draw: a `SplitMix64` counter that starts at the mixed key, so that a
/// sampler which rejects a word takes the next one of the same key.
#[derive(Clone, Debug)]
pub struct KeyedRng {
    counter: u64,
}

impl KeyedRng {
    /// The next word.
    #[inline]
    pub const fn word(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(GOLDEN);
        mix(self.counter)
    }

    /// Uniform on [0, 1), in steps of 2⁻⁵³.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Whether something happens that has this chance (0–1).
    #[inline]
    pub fn happens(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }
}

impl TryRng for KeyedRng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand_core::utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

/// Names a message by where it comes from, never by the order in which it was accepted, which
/// depends on the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    source: u32,
    caller: u32,
    number: u64,
    mixed: u64,
}

/// Names the messages of one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    source: u32,
    caller: u32,
    mixed: u64,
}

impl Keys {
    /// Those of `caller` at `source`, both counted from 0. Sources without callers have one, 0.
    #[inline]
    #[must_use]
    pub const fn of(source: u32, caller: u32) -> Self {
        let origin = ((source as u64) << 32 | caller as u64).wrapping_mul(ATTEMPT_STEP);
        Self {
            source,
            caller,
            mixed: mix(origin),
        }
    }

    /// The name of the `number`-th message, counted from 0.
    #[inline]
    #[must_use]
    pub const fn key(self, number: u64) -> MessageKey {
        MessageKey {
            source: self.source,
            caller: self.caller,
            number,
            mixed: mix(number.wrapping_mul(GOLDEN) ^ self.mixed),
        }
    }
}

impl MessageKey {
    /// The `number`-th message of `caller` at `source`, all counted from 0. Sources without
    /// callers have one, 0.
    #[inline]
    #[must_use]
    pub const fn new(source: u32, caller: u32, number: u64) -> Self {
        Keys::of(source, caller).key(number)
    }

    /// The source's place in the scenario.
    #[must_use]
    pub const fn source(self) -> u32 {
        self.source
    }

    /// The caller at the source.
    #[must_use]
    pub const fn caller(self) -> u32 {
        self.caller
    }

    /// How many messages the caller sent before.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The key as one well-mixed word, to draw with.
    #[inline]
    #[must_use]
    pub const fn mixed(self) -> u64 {
        self.mixed
    }
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, Exp1, StandardNormal};

    use super::*;

    const N: u64 = 200_000;

    fn words(number: u64) -> impl Iterator<Item = u64> {
        let stream = Streams::new(7, 0).stream("test", number);
        (0..N).map(move |n| stream.draw(MessageKey::new(0, 0, n).mixed(), 1).word())
    }

    /// Within five standard errors of its expectation.
    #[track_caller]
    fn close(mean: f64, expected: f64, deviation: f64) {
        let error = 5.0 * deviation / (N as f64).sqrt();
        assert!(
            (mean - expected).abs() < error,
            "{mean} is not {expected} ± {error}"
        );
    }

    #[test]
    fn the_same_key_gives_the_same_words() {
        let draw = || Streams::new(1, 2).stream("calls", 3).draw(4, 5);
        let (mut one, mut two) = (draw(), draw());
        assert_eq!([one.word(), one.word()], [two.word(), two.word()]);
    }

    #[test]
    fn each_part_of_the_key_changes_the_words() {
        let base = Streams::new(1, 2).stream("calls", 3).draw(4, 5).word();
        let others = [
            Streams::new(2, 2).stream("calls", 3).draw(4, 5).word(),
            Streams::new(1, 3).stream("calls", 3).draw(4, 5).word(),
            Streams::new(1, 2).stream("call", 3).draw(4, 5).word(),
            Streams::new(1, 2).stream("calls", 4).draw(4, 5).word(),
            Streams::new(1, 2).stream("calls", 3).draw(5, 5).word(),
            Streams::new(1, 2).stream("calls", 3).draw(4, 6).word(),
        ];
        for other in others {
            let flipped = (base ^ other).count_ones();
            assert!((12..=52).contains(&flipped), "only {flipped} bits differ");
        }
    }

    #[test]
    fn message_keys_of_neighbours_differ() {
        let mut mixed: Vec<u64> = (0..50)
            .flat_map(|source| (0..50).map(move |caller| (source, caller)))
            .flat_map(|(s, c)| (0..50).map(move |n| MessageKey::new(s, c, n).mixed()))
            .collect();
        mixed.sort_unstable();
        mixed.dedup();
        assert_eq!(mixed.len(), 50 * 50 * 50);
    }

    #[test]
    fn every_bit_is_balanced() {
        let mut ones = [0_u64; 64];
        for word in words(0) {
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += word >> bit & 1;
            }
        }
        for count in ones {
            close(count as f64 / N as f64, 0.5, 0.5);
        }
    }

    #[test]
    fn raw_and_sparse_subjects_are_mixed_too() {
        let stream = Streams::new(0, 0).stream("", 0);
        for shift in [0, 8, 20, 40] {
            let ones: u64 = (0..N)
                .map(|n| u64::from(stream.draw(n << shift, 0).word().count_ones()))
                .sum();
            close(ones as f64 / N as f64, 32.0, 4.0);
        }
    }

    #[test]
    fn neighbouring_keys_are_uncorrelated() {
        let unit = |word: u64| word as f64 / u64::MAX as f64 - 0.5;
        for lag in [1, 2, 64] {
            let pairs = words(0).zip(words(0).skip(lag));
            let sum: f64 = pairs.map(|(a, b)| unit(a) * unit(b)).sum();
            close(sum / N as f64, 0.0, 1.0 / 12.0);
        }
        let across: f64 = words(0).zip(words(1)).map(|(a, b)| unit(a) * unit(b)).sum();
        close(across / N as f64, 0.0, 1.0 / 12.0);
    }

    #[test]
    fn one_changed_bit_of_the_subject_flips_half_of_the_word() {
        let stream = Streams::new(3, 1).stream("avalanche", 0);
        let flips: u32 = (0..N)
            .map(|n| {
                let subject = mix(n);
                let other = subject ^ 1 << (n % 64);
                (stream.draw(subject, 0).word() ^ stream.draw(other, 0).word()).count_ones()
            })
            .sum();
        close(f64::from(flips) / N as f64, 32.0, 4.0);
    }

    #[test]
    fn exponential_and_normal_moments_are_right() {
        let stream = Streams::new(11, 0).stream("moments", 0);
        let (mut exp, mut exp2, mut normal, mut normal2, mut normal4) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for n in 0..N {
            let mut rng = stream.draw(n, 0);
            let e: f64 = Exp1.sample(&mut rng);
            let z: f64 = StandardNormal.sample(&mut stream.draw(n, 1));
            exp += e;
            exp2 += e * e;
            normal += z;
            normal2 += z * z;
            normal4 += z.powi(4);
        }
        let mean = |sum: f64| sum / N as f64;
        close(mean(exp), 1.0, 1.0);
        close(mean(exp2), 2.0, 20.0_f64.sqrt());
        close(mean(normal), 0.0, 1.0);
        close(mean(normal2), 1.0, 2.0_f64.sqrt());
        close(mean(normal4), 3.0, 96.0_f64.sqrt());
    }
}
