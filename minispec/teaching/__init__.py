"""Teaching with mistakes: bugs that can be switched on, seen, explained and caught."""
