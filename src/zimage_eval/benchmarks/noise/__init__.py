"""How far pictures differ by number format, batch or seed alone."""
