"""Files of events, a day late and by the million: uploaded in signed parts, read in blocks by the worker."""
