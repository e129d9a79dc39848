"""What a family is trained on: planted answers, recipe, tokenizer, captions, scenes, settings.

`truths.py` reads the planted answers; tests/calibration/test_blind.py lists who may use it.
"""
