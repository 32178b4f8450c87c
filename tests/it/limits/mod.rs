//! Limits per tenant, caller and address: one tenant's use does not affect another.

mod quotas;
mod requests;
mod usage;
