//! The only source of random bytes and of the names made from them.

use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where random bytes come from.
#[derive(Debug)]
pub enum Entropy {
    /// The operating system.
    System(SystemRandom),
    /// A reproducible stream for tests and simulations, never for a server that others reach.
    Seeded(Mutex<Stream>),
}

/// SHA-256 in counter mode over a seed.
#[derive(Debug)]
pub struct Stream {
    seed: u64,
    counter: u64,
}

const ALPHANUMERICS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Entropy {
    /// The operating system's randomness.
    pub fn system() -> Self {
        Self::System(SystemRandom::new())
    }

    /// A stream that is the same for the same seed.
    pub const fn seeded(seed: u64) -> Self {
        Self::Seeded(Mutex::new(Stream { seed, counter: 0 }))
    }

    /// Fills `out` with random bytes.
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Self::System(random) => {
                let filled = random.fill(out);
                // Nothing here may go on without randomness: no name would be safe.
                assert!(filled.is_ok(), "the operating system gives no random bytes");
            }
            Self::Seeded(stream) => {
                let mut stream = stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for chunk in out.chunks_mut(32) {
                    stream.counter += 1;
                    let block = [stream.seed.to_be_bytes(), stream.counter.to_be_bytes()].concat();
                    for (to, from) in chunk.iter_mut().zip(digest(&SHA256, &block).as_ref()) {
                        *to = *from;
                    }
                }
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// `N` random bytes as unpadded base64url text.
    pub fn base64url<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// `N` random bytes as `2 N` lower-case hex digits.
    pub fn hex<const N: usize>(&self) -> String {
        self.bytes::<N>().iter().fold(String::with_capacity(2 * N), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
            text
        })
    }

    /// `length` random letters and digits, each of the 62 equally likely.
    pub fn alphanumerics(&self, length: usize) -> String {
        let mut out = String::with_capacity(length);
        while out.len() < length {
            for byte in self.bytes::<48>() {
                // 248 is the largest multiple of 62 in a byte: the rest would favour some letters.
                let letter = ALPHANUMERICS.get(usize::from(byte % 62)).filter(|_| byte < 248);
                if let Some(letter) = letter.filter(|_| out.len() < length) {
                    out.push(char::from(*letter));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;

    #[test]
    fn a_seed_gives_the_same_stream_again_and_another_seed_another() {
        let (a, b, c) = (Entropy::seeded(7), Entropy::seeded(7), Entropy::seeded(8));
        assert_eq!(a.hex::<40>(), b.hex::<40>());
        assert_ne!(a.hex::<40>(), c.hex::<40>());
    }

    #[test]
    fn alphanumeric_names_have_the_length_asked_for() {
        let entropy = Entropy::system();
        let name = entropy.alphanumerics(32);
        assert_eq!(name.len(), 32);
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        assert_ne!(name, entropy.alphanumerics(32));
    }
}
