"""The judge: from acts and methodologies to judgements. Pure."""
