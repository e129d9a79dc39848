"""Tests; a package, because installed ones may bring another of this name."""
