"""Commands that make files of the repository; neither the study nor calibration needs them."""
