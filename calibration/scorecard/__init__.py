"""What the study found, held to what was planted: `python -m calibration.scorecard`.

`find_answers.py` and `find_concepts.py` look for answers without knowing them; all others compare.
"""
