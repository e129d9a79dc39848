"""Numbers in, intervals and p-values out; nothing here knows of models or pictures."""
