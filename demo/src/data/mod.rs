//! The two public tables of homes, embedded and read once into typed rows.

mod columns;
mod dollars;
mod lucas;
mod sacramento;
mod table;
mod vocabulary;

pub use dollars::{Dollars, grouped};
pub use lucas::{Garage, LucasRow, Stories, Wall};
pub use sacramento::{HomeType, SacramentoRow};
pub use table::{BadRow, Row, Table};

const LUCAS: &str = include_str!("../../data/lucas_county_house.csv");
const SACRAMENTO: &str = include_str!("../../data/sacramento.csv");

/// 25,357 homes sold in Lucas County, Ohio, from 1993-01-04 to 1998-10-05.
pub fn lucas_county() -> Result<Table<LucasRow>, BadRow> {
    Table::parse("lucas_county_house.csv", LUCAS)
}

/// 932 homes around Sacramento, California, without dates.
pub fn sacramento() -> Result<Table<SacramentoRow>, BadRow> {
    Table::parse("sacramento.csv", SACRAMENTO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_read_whole() {
        assert_eq!(lucas_county().unwrap().rows().len(), 25_357);
        assert_eq!(sacramento().unwrap().rows().len(), 932);
    }
}
