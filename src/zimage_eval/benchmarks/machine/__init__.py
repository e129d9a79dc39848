"""Seconds and bytes of this machine."""
