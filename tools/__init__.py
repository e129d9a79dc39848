"""Tools of the repository that are no part of study or calibration."""
