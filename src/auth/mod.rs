//! Floor 2: who a caller is and what they may. Judges facts that callers loaded; does no I/O.
