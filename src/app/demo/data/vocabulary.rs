//! A column with a closed vocabulary: one enum that keeps the source's word beside the words we show.

/// Declares the enum; `$word` is what the file says, `$label` what a page shows.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal shown $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
        pub enum $name {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word in the file.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The words on a page.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

pub(super) use words;
