//! What one neighbour may take, and that another does not feel it.

mod quotas;
mod requests;
mod usage;
