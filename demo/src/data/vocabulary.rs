//! A column with a closed vocabulary: one enum with the source's term and the displayed label of each value.

/// Declares the enum: `$word` is the term in the file, `$label` the text on a page.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal shown $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
        pub enum $name {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The term in the file.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The text on a page.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

pub(super) use words;
