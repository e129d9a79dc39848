"""Every kind of file that a stage reads or leaves: tables, results, figures, pictures, store."""
