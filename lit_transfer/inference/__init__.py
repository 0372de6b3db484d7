"""Using trained models: prediction, analysis, export, sharing and serving."""
