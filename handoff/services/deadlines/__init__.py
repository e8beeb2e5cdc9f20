"""The room for time: a case's clocks, the calendars they run by, and what happens when a mark is reached (P7)."""
