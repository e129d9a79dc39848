"""The study run on a family, what is drawn for it beforehand, and what its results are used for.

`calibrate.py` is the whole for one family. `run_study.py`, `study_folders.py` and `score_shards.py`
run the study; they know the model's name alone.
"""
