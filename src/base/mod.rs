//! Layer 0: values that do not depend on Lotline's wire, store or network.

pub mod clock;
pub mod entropy;
pub mod failpoint;
pub mod fair_semaphore;
pub mod gcra;
pub mod hex;
pub mod ids;
pub mod ip_prefix;
pub mod json_integer;
pub mod lookalike;
pub mod money;
pub mod normalize;
pub mod page;
pub mod text;
pub mod timestamp;
pub mod tracking_parameters;
pub mod web_url;
