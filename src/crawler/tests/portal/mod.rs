//! Whole crawls of a generated portal: homes that change between crawls, rendered in six styles, with everything beside
//! them that a real portal shows.

mod annotated;
mod content;
mod detours;
mod devalue;
mod home;
mod page;
mod site;
mod structured;
mod style;

mod bench;

mod budget;

mod changes;
mod scenes;
mod signs;
mod upgrade;
