//! Keys, turns and kept answers, through the use cases.
