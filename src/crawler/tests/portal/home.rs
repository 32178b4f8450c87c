//! A home of the portal, as its pages tell it. Every fact of a home differs from that of its neighbours.

/// The first home's id; six digits, so that an address names it.
pub(super) const FIRST_ID: u32 = 410_001;

const STREETS: [&str; 8] = [
    "Lindenallee",
    "Gartenweg",
    "Bergstrasse",
    "Am Anger",
    "Kirchplatz",
    "Seeufer",
    "Rosenweg",
    "Marktgasse",
];
const CITIES: [&str; 4] = ["Berlin", "Hamburg", "Potsdam", "Leipzig"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Reserved,
    Sold,
}

/// What the portal answers at the home's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Listed,
    /// Status 404.
    NotFound,
    /// Status 200 and the page for every unknown address.
    SoftGone,
    /// A redirect to the index.
    Redirected,
}

#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) id: u32,
    pub(super) street: String,
    pub(super) city: &'static str,
    pub(super) postal_code: String,
    /// Major units of `currency`.
    pub(super) price: u32,
    /// ISO 4217.
    pub(super) currency: &'static str,
    pub(super) bedrooms: u32,
    /// Square metres.
    pub(super) living_area: u32,
    pub(super) status: Status,
    pub(super) presence: Presence,
}

impl Home {
    pub(super) fn sample(number: u32) -> Self {
        let at = number as usize;
        Self {
            id: FIRST_ID + number,
            street: format!("{} {}", STREETS[at % STREETS.len()], number + 3),
            city: CITIES[at % CITIES.len()],
            postal_code: format!("{}", 10_115 + 20 * number),
            price: 300_000 + 17_500 * number,
            currency: "EUR",
            bedrooms: 1 + number % 4,
            living_area: 60 + 7 * number,
            status: Status::Active,
            presence: Presence::Listed,
        }
    }

    /// Its page in German, or in English below `/en`.
    pub(super) fn path(&self, language: Language) -> String {
        let slug = self.street.to_lowercase().replace(' ', "-");
        format!("{}/homes/{slug}-{}", language.prefix(), self.id)
    }

    /// What a page in this language names as its canonical address: of every second home the German page.
    pub(super) fn canonical_path(&self, language: Language) -> String {
        self.path(if self.id.is_multiple_of(2) { Language::German } else { language })
    }

    /// The heading of its page.
    pub(super) fn title(&self) -> String {
        format!("{}, {} {}", self.street, self.postal_code, self.city)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    German,
    English,
}

impl Language {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::German => "",
            Self::English => "/en",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::German => Self::English,
            Self::English => Self::German,
        }
    }

    pub(super) fn words<'a>(self, german: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::German => german,
            Self::English => english,
        }
    }

    /// "425.000 €" or "€425,000"; other currencies by their code.
    pub(super) fn money(self, amount: u32, currency: &str) -> String {
        let grouped = |sign: &str| format!("{}{sign}{:03}", amount / 1_000, amount % 1_000);
        match (self, currency) {
            (Self::German, "EUR") => format!("{} €", grouped(".")),
            (Self::German, code) => format!("{} {code}", grouped(".")),
            (Self::English, "EUR") => format!("€{}", grouped(",")),
            (Self::English, code) => format!("{code} {}", grouped(",")),
        }
    }

    /// The words of a badge; none for a home that is for sale.
    pub(super) fn badge(self, status: Status) -> Option<&'static str> {
        match (self, status) {
            (_, Status::Active) => None,
            (Self::German, Status::Reserved) => Some("Reserviert"),
            (Self::German, Status::Sold) => Some("Verkauft"),
            (Self::English, Status::Reserved) => Some("Reserved"),
            (Self::English, Status::Sold) => Some("Sold"),
        }
    }
}
