//! The languages that people are spoken to in, and how one is chosen.

/// A language of our pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, where nothing else is wanted.
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// All of them, in the order of the switch.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// Its tag.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// What its speakers call it.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// The language of this tag, whatever its region.
    pub(crate) fn named(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| known.code().eq_ignore_ascii_case(primary))
    }

    /// The one that `Accept-Language` likes best; of equals the first.
    pub(crate) fn accepted(header: &str) -> Self {
        let mut best = (Self::English, 0.0_f32);
        for range in header.split(',').take(20) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
            let weight = weight.filter(|weight| weight.is_finite()).unwrap_or(0.0);
            if let Some(language) = Self::named(tag).filter(|_| weight > best.1) {
                best = (language, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_chooses_the_language_it_likes_best() {
        for (header, language) in [
            ("", Language::English),
            ("ja", Language::Japanese),
            ("ja-JP,en;q=0.9", Language::Japanese),
            ("en-GB,ja;q=0.9", Language::English),
            ("fr,ja;q=0.5,en;q=0.4", Language::Japanese),
            ("de", Language::English),
            ("ja;q=0", Language::English),
            ("ja;q=x,en", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
