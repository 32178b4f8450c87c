//! Floor 0: values that know nothing of Lotline's wire, store or network.

pub mod address;
pub mod clock;
pub mod compared;
pub mod entropy;
pub mod failpoint;
pub mod gcra;
pub mod ids;
pub mod lookalike;
pub mod money;
pub mod page;
pub mod text;
pub mod timestamp;
pub mod turns;
pub mod whole;
