//! A box on the map, as filters of listings name it.

/// West, south, east, north in WGS84 degrees (RFC 7946 section 5); west beyond east crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl BoundingBox {
    /// Reads `west,south,east,north`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        Self::from_numbers(&numbers?)
    }

    pub(super) fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let &[west, south, east, north] = numbers else { return None };
        let in_range = [west, east].iter().all(|degrees| degrees.abs() <= 180.0)
            && [south, north].iter().all(|degrees| degrees.abs() <= 90.0);
        (in_range && south <= north).then_some(Self { west, south, east, north })
    }

    pub fn contains(&self, latitude: f64, longitude: f64) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&longitude)
        } else {
            longitude >= self.west || longitude <= self.east
        };
        between && (self.south..=self.north).contains(&latitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_cross_the_antimeridian() {
        let fiji = BoundingBox::parse("177,-20,-178,-15").unwrap();

        assert!(fiji.contains(-17.0, 179.5) && fiji.contains(-17.0, -179.5));
        assert!(!fiji.contains(-17.0, 0.0));
    }
}
