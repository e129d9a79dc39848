"""How far pictures differ because of number format, batch or seed alone."""
