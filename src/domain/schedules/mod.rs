//! Schedules of spiders: a user sets them with the spider, and a timer of every node starts the jobs that are due. Each
//! run makes one job, on one node; runs that were missed are made up by one job.

pub mod runs;

pub(in crate::domain) mod of_spiders;
pub(in crate::domain) mod validation;

mod cron_text;
mod timing;

#[cfg(test)]
mod tests;
